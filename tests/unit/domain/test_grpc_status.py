from __future__ import annotations

import re

import pytest
from google.rpc import code_pb2

from authz.domain.grpc_status import GrpcStatus
from authz.domain.problems import Problem

ERROR_INFO_REASON = re.compile(r"[A-Z][A-Z0-9_]+[A-Z0-9]")
"""google.rpc.ErrorInfo says so of `reason`, and 63 characters at most."""


@pytest.mark.parametrize("status", GrpcStatus, ids=lambda status: status.name)
def test_the_numbers_are_those_of_grpc(status: GrpcStatus) -> None:
    """The domain names them itself, because it knows no wire."""
    assert code_pb2.Code.Value(status.name) == status
    assert status != code_pb2.Code.Value("OK")


def test_a_grpc_caller_can_tell_what_to_do_from_the_status_alone() -> None:
    """Everything else is a refusal, and no answer of ours is OK."""
    others = {
        Problem.HELD: GrpcStatus.FAILED_PRECONDITION,
        Problem.CHANGED: GrpcStatus.ABORTED,
        Problem.JUSTIFICATION_REQUIRED: GrpcStatus.FAILED_PRECONDITION,
        Problem.BAD_REQUEST: GrpcStatus.INVALID_ARGUMENT,
        Problem.TICKET_OVER: GrpcStatus.FAILED_PRECONDITION,
        Problem.NOT_FOUND: GrpcStatus.NOT_FOUND,
        Problem.METHOD_NOT_ALLOWED: GrpcStatus.UNIMPLEMENTED,
        Problem.BODY_NOT_VISIBLE: GrpcStatus.INVALID_ARGUMENT,
        Problem.TOO_MANY_TICKETS: GrpcStatus.RESOURCE_EXHAUSTED,
        Problem.BREAK_GLASS_EXHAUSTED: GrpcStatus.RESOURCE_EXHAUSTED,
        Problem.PRINCIPAL_UNKNOWN: GrpcStatus.UNAUTHENTICATED,
        Problem.UNAVAILABLE: GrpcStatus.UNAVAILABLE,
    }
    assert {problem: problem.value.grpc_status for problem in Problem} == {
        problem: others.get(problem, GrpcStatus.PERMISSION_DENIED) for problem in Problem
    }


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
def test_a_reason_is_the_type_in_the_form_of_error_info(problem: Problem) -> None:
    """The same word for HTTP and gRPC, which a reader can turn into each other."""
    reason = problem.value.reason
    assert ERROR_INFO_REASON.fullmatch(reason)
    assert len(reason) <= 63
    assert reason.lower().replace("_", "-") == problem.value.slug
