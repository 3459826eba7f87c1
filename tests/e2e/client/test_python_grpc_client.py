"""The interceptors for Python against the whole gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

from authz.domain.ticket import Choice
from holdgate_client import Hold, Patience, Rejected
from holdgate_client.grpc import AsyncHoldgateInterceptor, HoldgateInterceptor
from tests.e2e.contract.grpc_calls import WAIT, Echo
from tests.e2e.contract.holdgate.test_grpc_callers import grpc_gate
from tests.support.gate import Gate
from tests.support.gate_backing import fresh

PATIENCE = Patience(total=30, ask=2)


@pytest.fixture(scope="module")
def grpc_upstream(shared_gate: Gate) -> Iterator[tuple[Gate, Echo]]:
    with grpc_gate(shared_gate) as before:
        yield before


def sync(gate: Gate, path: str, on_hold: Callable[[Hold], object]) -> bytes:
    interceptor = HoldgateInterceptor(patience=PATIENCE, on_hold=on_hold)
    with grpc.insecure_channel(f"127.0.0.1:{gate.port}") as plain:
        method: Any = grpc.intercept_channel(plain, interceptor).unary_unary(path)
        answer: bytes = method(b"a", timeout=WAIT, metadata=credentials(gate))
        return answer


def without_threads(gate: Gate, path: str, on_hold: Callable[[Hold], object]) -> bytes:
    async def hear(hold: Hold) -> None:
        await asyncio.to_thread(on_hold, hold)

    async def go() -> bytes:
        own = AsyncHoldgateInterceptor(patience=PATIENCE, on_hold=hear)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{gate.port}", interceptors=[own]) as channel:
            method: Any = channel.unary_unary(path)
            answer: bytes = await method(b"a", timeout=WAIT, metadata=credentials(gate))
            return answer

    return asyncio.run(go())


def credentials(gate: Gate) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {gate.backing.token('alice')}"),)


CALLERS = pytest.mark.parametrize("call", [sync, without_threads])


@CALLERS
def test_a_held_call_is_approved_and_goes_through_once(
    call: Callable[..., bytes], gate: Gate, grpc_upstream: tuple[Gate, Echo]
) -> None:
    before, upstream = grpc_upstream
    path, heard = fresh("hold"), list[Hold]()

    def approve(hold: Hold) -> None:
        heard.append(hold)
        if hold.state == "pending":
            gate.vote(hold.id)

    assert call(before, path, approve) == b"a"
    assert (heard[0].rule, heard[0].awaiting, heard[0].needed) == ("hold", ("sre",), 1)
    (received,) = [metadata for name, metadata in upstream.calls if name == path]
    assert "x-approval-ticket" not in received


@CALLERS
def test_a_rejected_call_is_told_by_whom(
    call: Callable[..., bytes], gate: Gate, grpc_upstream: tuple[Gate, Echo]
) -> None:
    before, upstream = grpc_upstream
    path = fresh("hold")
    with pytest.raises(Rejected) as caught:
        call(before, path, lambda hold: gate.vote(hold.id, choice=Choice.REJECT))
    assert (caught.value.by, caught.value.comment) == ("Bob", "a comment")
    assert path not in [name for name, _ in upstream.calls]
