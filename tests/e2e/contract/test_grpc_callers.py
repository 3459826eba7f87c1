"""What a gRPC caller sees of a refusal, and what buffering does to streams."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from queue import SimpleQueue

import grpc
import pytest

from authz.adapters.envoy.grpc_answer import DETAILS_MAX, from_grpc
from authz.adapters.envoy_config.endpoint import TcpEndpoint
from tests.e2e.contract.answers import denying, header
from tests.e2e.contract.bare import per_route
from tests.e2e.contract.conftest import PATIENCE
from tests.e2e.contract.grpc_calls import (
    CALLERS,
    DETAILS,
    METHOD,
    WAIT,
    Caller,
    call,
    echoing,
    failure,
    unary,
)
from tests.e2e.contract.translating_filters import grpc_web
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.stack import Document, Gate, Stack

TICKET = "x-approval-ticket"
EACH_CALLER = pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
CONTENT_TYPES = {
    "application/grpc": True,
    "application/grpc+proto": True,
    "application/grpc+": True,
    "application/grpc+json; charset=utf-8": True,
    " application/grpc ": True,
    "application/grpc;charset=utf-8": False,
    "application/grpc, application/grpc": False,
    "Application/gRPC": False,
    "application/grpcx": False,
    "application/grpc-web": False,
    "application/grpc-web-text+proto": False,
    "application/connect+proto": False,
    "application/json": False,
}


@EACH_CALLER
def test_a_202_is_an_unknown_error_with_the_body_for_a_message(
    caller: Caller, stack: Stack, shipped: Gate
) -> None:
    stack.check.answer = denying(header(TICKET, "hg1.a"), status=202, body='{"id":"1"}')
    seen = failure(caller, shipped.port)
    assert (seen.code, seen.details) == (grpc.StatusCode.UNKNOWN, '{"id":"1"}')
    assert seen.metadata[TICKET] == "hg1.a"
    assert not stack.upstream.received


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, grpc.StatusCode.INTERNAL),
        (401, grpc.StatusCode.UNAUTHENTICATED),
        (403, grpc.StatusCode.PERMISSION_DENIED),
        (429, grpc.StatusCode.UNAVAILABLE),
        (503, grpc.StatusCode.UNAVAILABLE),
        (409, grpc.StatusCode.UNKNOWN),
        (413, grpc.StatusCode.UNKNOWN),
    ],
)
def test_other_statuses_are_what_grpc_maps_them_to(
    status: int, code: grpc.StatusCode, stack: Stack, shipped: Gate
) -> None:
    stack.check.answer = denying(status=status, body="no")
    seen = failure(unary, shipped.port)
    assert (seen.code, seen.details) == (code, "no")


@EACH_CALLER
def test_a_refusals_own_grpc_status_counts(caller: Caller, stack: Stack, shipped: Gate) -> None:
    stack.check.answer = denying(header("grpc-status", "9"), header(TICKET, "hg1.a"), status=202, body="held")
    seen = failure(caller, shipped.port)
    assert seen.code is grpc.StatusCode.FAILED_PRECONDITION
    assert seen.metadata[TICKET] == "hg1.a"


@EACH_CALLER
@pytest.mark.parametrize(("body", "message"), [("", "100 % \u2013 held"), ("the body", "the body")])
def test_a_refusals_own_grpc_message_counts_where_there_is_no_body(
    body: str, message: str, caller: Caller, stack: Stack, shipped: Gate
) -> None:
    own = header("grpc-message", "100 %25 %E2%80%93 held")
    stack.check.answer = denying(header("grpc-status", "9"), own, body=body)
    assert failure(caller, shipped.port).details == message


def encoded(size: int) -> str:
    return b64encode(bytes(range(256)) * (size // 256)).rstrip(b"=").decode()


@EACH_CALLER
def test_metadata_and_details_of_a_refusal_arrive_whole(caller: Caller, stack: Stack, shipped: Gate) -> None:
    details = encoded(DETAILS_MAX * 3 // 4)
    assert len(details) == DETAILS_MAX
    own = (
        header("retry-after", "5"),
        header("link", '</a>; rel="status"'),
        header(TICKET, "hg1." + "a" * 80),
    )
    stack.check.answer = denying(header("grpc-status", "9"), header(DETAILS, details), *own)
    seen = failure(caller, shipped.port)
    assert seen.code is grpc.StatusCode.FAILED_PRECONDITION
    assert seen.metadata[DETAILS] == bytes(range(256)) * 12
    assert (seen.metadata["retry-after"], seen.metadata["link"]) == ("5", '</a>; rel="status"')
    assert seen.metadata[TICKET] == "hg1." + "a" * 80


def test_control_more_metadata_than_a_caller_takes_is_another_error(stack: Stack, shipped: Gate) -> None:
    stack.check.answer = denying(header("grpc-status", "9"), header(DETAILS, encoded(4 * DETAILS_MAX)))
    assert failure(unary, shipped.port).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def by_http1(port: int, content_type: str) -> int:
    return http1.send(port, METHOD, ("content-type", content_type.encode()), method="POST", body=b"").status


def by_http2(port: int, content_type: str) -> int:
    return http2.send(port, METHOD, [(b"content-type", content_type.strip().encode())]).status


@pytest.mark.parametrize("send", [by_http1, by_http2])
@pytest.mark.parametrize("raw", [True, False], ids=["raw headers", "joined headers"])
@pytest.mark.parametrize(("content_type", "grpc_caller"), CONTENT_TYPES.items())
def test_envoy_and_holdgate_take_the_same_callers_for_grpcs(
    content_type: str,
    grpc_caller: bool,
    raw: bool,
    send: Callable[[int, str], int],
    stack: Stack,
    shipped: Gate,
    bare: Gate,
) -> None:
    """Whatever status a refusal has, it is 200 for a gRPC caller."""
    stack.check.answer = denying(status=403, body="no")
    assert send((shipped if raw else bare).port, content_type) == (200 if grpc_caller else 403)
    (check,) = stack.check.checks
    assert from_grpc(check) is grpc_caller


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "control: as Envoy completes it for others"])
def test_behind_grpc_web_only_a_whole_grpc_answer_keeps_its_status(whole: bool, stack: Stack) -> None:
    own = [header("grpc-status", "9"), header("grpc-message", "held")]
    if whole:
        stack.check.answer = denying(header("content-type", "application/grpc"), *own, status=200)
    else:
        stack.check.answer = denying(header("grpc-status", "9"), status=202, body="held")
    with stack.gate(grpc_web(), check_timeout=PATIENCE) as gate:
        content_type = ("content-type", b"application/grpc-web+proto")
        answer = http1.send(gate.port, METHOD, content_type, method="POST", body=bytes(5))
    assert from_grpc(stack.check.checks[0])
    assert answer.values("grpc-message") == [b"held"]
    assert answer.values("grpc-status") == [b"9" if whole else b"2"]
    assert answer.status == (200 if whole else 202)


def test_what_is_allowed_reaches_a_grpc_upstream(stack: Stack) -> None:
    with (
        echoing() as upstream,
        stack.gate(
            upstream=TcpEndpoint("127.0.0.1", upstream.port), upstream_http2=True, check_timeout=PATIENCE
        ) as gate,
    ):
        assert unary(gate.port) == b"a"
        assert call(gate.port, messages=[b"a", b"b"]) == [b"a", b"b"]
    assert stack.check.checks[0].attributes.request.http.raw_body == b"\0\0\0\0\x01a"


def not_buffered(document: Document) -> None:
    per_route(document, disable_request_body_buffering=True)


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "not buffered"])
def test_a_stream_that_waits_for_an_answer_needs_a_route_without_buffering(
    buffered: bool, stack: Stack
) -> None:
    """Envoy waits for the end of the body, or the limit, before it asks; the caller for the first answer."""
    changes = [] if buffered else [not_buffered]
    with (
        echoing() as upstream,
        stack.gate(
            *changes,
            upstream=TcpEndpoint("127.0.0.1", upstream.port),
            upstream_http2=True,
            check_timeout=PATIENCE,
        ) as gate,
        grpc.insecure_channel(f"127.0.0.1:{gate.port}") as channel,
    ):
        said: SimpleQueue[bytes] = SimpleQueue()
        said.put(b"a")
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        answers = iter(method(iter(said.get, b""), timeout=2.0 if buffered else WAIT))
        if buffered:
            with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
                next(answers)
            assert not stack.check.checks
        else:
            assert next(answers) == b"a"
        said.put(b"")
