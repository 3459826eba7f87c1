"""Calls by gRPC that wait for the vote: held open by the gate, and by the client of ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc

from holdgate_client import Hold
from holdgate_client.grpc import HoldgateInterceptor
from tests.e2e.contract.grpc_calls import WAIT, failure, unary
from tests.e2e.contract.holdgate.test_grpc_callers import credentials, grpc_gate
from tests.e2e.gate.test_waiting import waiters
from tests.support.gate import Gate
from tests.support.gate_backing import fresh
from tests.support.waiting import until

PREFER = ("prefer", f"wait={WAIT:.0f}")


def test_a_call_that_prefers_to_wait_is_let_through_by_the_vote(gate: Gate) -> None:
    path = fresh("hold")
    with grpc_gate(gate) as (before, upstream), ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(unary, before.port, path, [*credentials(gate), PREFER])
        until("the call waits", lambda: waiters(gate) == 1)
        assert not upstream.calls
        gate.vote(failure(unary, before.port, path, credentials(gate)).rich.metadata["id"])
        assert waiting.result(WAIT) == b"a"
        assert len(upstream.calls) == 1


def test_the_client_of_ours_waits_and_calls_again(gate: Gate) -> None:
    path, seen = fresh("hold"), list[Hold]()

    def approve(hold: Hold) -> None:
        seen.append(hold)
        if hold.state == "pending":
            gate.vote(hold.id)

    with grpc_gate(gate) as (before, upstream), grpc.insecure_channel(f"127.0.0.1:{before.port}") as channel:
        patient = grpc.intercept_channel(channel, HoldgateInterceptor(on_hold=approve))
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = patient.unary_unary(path)
        assert method(b"a", timeout=WAIT, metadata=tuple(credentials(gate))) == b"a"
        assert len(upstream.calls) == 1
    first = seen[0]
    assert (first.state, first.rule, first.given, first.needed) == ("pending", "hold", 0, 1)
    assert first.awaiting == ("sre",)
