"""What gRPC callers see of Holdgate."""

from __future__ import annotations

import json

import grpc
import pytest

from tests.e2e.contract.grpc_calls import Caller, Metadata, call, failure, unary
from tests.support.gate import TICKET, Gate
from tests.support.gate_backing import fresh

CALLERS = pytest.mark.parametrize("caller", [unary, call], ids=["unary", "streaming"])


def credentials(gate: Gate) -> Metadata:
    return [("authorization", f"Bearer {gate.backing.token('alice')}")]


@CALLERS
def test_a_held_call_fails_with_the_ticket_in_its_metadata(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    seen = failure(caller, gate.port, path, credentials(gate))
    assert seen.code is grpc.StatusCode.UNKNOWN
    assert json.loads(seen.details)["token"] == seen.metadata[TICKET]
    assert gate.hits(path) == 0


@CALLERS
def test_an_approved_call_goes_through_once(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    held = json.loads(failure(caller, gate.port, path, credentials(gate)).details)
    gate.vote(held["id"])
    redeeming = [*credentials(gate), (TICKET, held["token"])]
    # The upstream speaks no gRPC, so the call fails after all; what counts is that it got there, once.
    failure(caller, gate.port, path, redeeming)
    again = failure(caller, gate.port, path, redeeming)
    assert again.code is grpc.StatusCode.PERMISSION_DENIED
    assert [request.body for request in gate.received(path)] == [b"\0\0\0\0\x01a"]


@CALLERS
def test_a_refused_call_is_permission_denied(caller: Caller, gate: Gate) -> None:
    path = fresh("closed")
    seen = failure(caller, gate.port, path, credentials(gate))
    assert (seen.code, seen.details) == (grpc.StatusCode.PERMISSION_DENIED, "the policy says no")
    assert gate.hits(path) == 0


@CALLERS
def test_without_opa_a_call_is_unavailable(caller: Caller, gate: Gate) -> None:
    with gate.backing.opa.refusing():
        seen = failure(caller, gate.port, fresh("open"), credentials(gate))
    assert seen.code is grpc.StatusCode.UNAVAILABLE
