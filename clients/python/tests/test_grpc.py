from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
import pytest

from clients.python.tests.gate_double import TICKET, Time, identifier, token
from clients.python.tests.grpc_double import METHOD, PATIENCE, GrpcCaller, GrpcGateDouble, failure
from holdgate_client import (
    Answered,
    Changed,
    Outage,
    Patience,
    Rejected,
    TicketNotSeen,
    TooMany,
    WaitStopped,
    WaitTimeout,
)
from holdgate_client.grpc import AsyncHoldgateInterceptor, HoldgateInterceptor
from holdgate_client.grpc_answer import GrpcAnswer

UNAVAILABLE: Any = (grpc.StatusCode.UNAVAILABLE, "nobody there", ())


@pytest.fixture
def gate() -> GrpcGateDouble:
    return GrpcGateDouble()


@pytest.fixture
def port(gate: GrpcGateDouble) -> Iterator[int]:
    with gate.running() as port:
        yield port


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest, time: Time, port: int) -> GrpcCaller:
    kind: str = request.param
    return GrpcCaller(kind, time, port)


def test_an_approved_call_goes_through_and_its_answer_comes_back(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    assert caller.call() == b"done: m"
    assert gate.done == 1
    (pending,) = caller.heard
    assert (pending.id, pending.state, pending.rule, pending.reason) == (
        identifier(),
        "pending",
        "cancel-order",
        "[1]",
    )
    assert (pending.needed, pending.awaiting, pending.detail) == (1, ("sre",), "It is HELD.")
    assert pending.review_url == f"https://holdgate.test/tickets/{identifier()}"


def test_each_call_is_the_same_with_the_ticket_beside_it(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    caller.call(b"\x00\xff", metadata=(("x-tenant", "t"), ("authorization", "Bearer x")))
    assert set(gate.messages) == {b"\x00\xff"}
    first, *others = [
        {name: value for name, value in call.items() if name not in {TICKET, "prefer"}} for call in gate.calls
    ]
    assert all(other == first for other in others)
    assert [call.get(TICKET) for call in gate.calls] == [None, *[token()] * (len(gate.calls) - 1)]


def test_while_it_waits_the_gate_may_keep_the_call_open(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    caller.call(timeout=PATIENCE)
    assert [call.get("prefer") for call in gate.calls[:3]] == [None, "wait=25", "wait=25"]
    assert gate.deadlines[0] < PATIENCE + 5 < gate.deadlines[1]


def test_a_gate_that_keeps_nothing_open_is_asked_as_often_as_it_says(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    gate.decided_after = 6
    caller.call()
    assert all(4.9 <= pause <= 6 for pause in caller.time.pauses[1:5]), caller.time.pauses


def test_a_call_without_a_deadline_keeps_none(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    caller.call(timeout=None)
    assert min(gate.deadlines) > 1e6


def test_a_rejection_is_raised_with_who_and_why(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.decision = "rejected"
    with pytest.raises(Rejected) as caught:
        caller.call()
    assert (caught.value.by, caught.value.comment) == ("Bob", "no")
    assert str(caught.value) == "rejected: It is REJECTED. By Bob: “no”"


def test_a_changed_call_is_told_what_differs(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.troubles_of_tickets.append(
        failure(grpc.StatusCode.ABORTED, "REQUEST_CHANGED", changed='["path", "body"]')
    )
    with pytest.raises(Changed) as caught:
        caller.call()
    assert caught.value.parts == ("path", "body")


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", Outage),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_TICKETS", TooMany),
        (grpc.StatusCode.ABORTED, "TO_COME", Answered),
    ],
)
def test_other_answers_are_errors_when_nothing_waits(
    code: grpc.StatusCode, reason: str, error: type[Answered], caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    gate.state, gate.decided_after, gate.ending = "x", None, failure(code, reason, 7)
    with pytest.raises(error) as caught:
        caller.call()
    assert type(caught.value) is error
    assert caught.value.problem.retry_after == 7
    assert len(gate.calls) == 1


def test_while_one_waits_an_outage_is_sat_out(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.troubles_of_tickets.append(failure(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", 40))
    assert caller.call() == b"done: m"
    assert caller.time.pauses[1] >= 40


def test_what_is_not_holdgates_is_the_error_that_it_would_be_without_this(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    gate.troubles_of_tickets.append(UNAVAILABLE)
    with pytest.raises(grpc.RpcError, match="nobody there") as caught:
        caller.call()
    assert getattr(caught.value, "code")() is grpc.StatusCode.UNAVAILABLE  # noqa: B009 - a grpc.Call too
    assert len(gate.calls) == 2


def test_a_method_that_may_be_sent_again_is(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.troubles_of_tickets.extend([UNAVAILABLE] * 4)
    caller.resend_lost = frozenset({METHOD})
    assert caller.call() == b"done: m"
    assert ["prefer" in call for call in gate.calls][1:5] == [True, True, False, False]


def test_before_a_hold_nothing_is_sent_again(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.state, gate.decided_after, gate.ending = "x", None, UNAVAILABLE
    caller.resend_lost = frozenset({METHOD})
    with pytest.raises(grpc.RpcError):
        caller.call()
    assert len(gate.calls) == 1


def test_the_upstreams_own_failure_is_the_answer(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.upstream = lambda: (grpc.StatusCode.NOT_FOUND, "no such order", ())
    with pytest.raises(grpc.RpcError, match="no such order"):
        caller.call()
    assert gate.done == 1


def test_the_patience_bounds_the_wait_and_the_ticket_goes_on_with_it(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    gate.decided_after, caller.patience = None, Patience(total=60)
    with pytest.raises(WaitTimeout) as caught:
        caller.call()
    gate.state = "approved"
    assert caller.call(metadata=((TICKET, caught.value.ticket.token),)) == b"done: m"


def test_a_ticket_in_the_metadata_that_is_none_is_refused(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    with pytest.raises(ValueError, match="not the token of a ticket"):
        caller.call(metadata=((TICKET, "secret"),))
    assert gate.calls == []


def test_an_approval_that_never_arrives_with_its_ticket_is_told(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    gate.state, gate.decided_after, gate.number = "approved", None, 1
    gate.troubles_of_tickets.extend([gate.hold()] * 10)
    with pytest.raises(TicketNotSeen):
        caller.call()
    assert len(gate.calls) == 4


def test_new_tickets_without_end_are_not_tried_without_a_pause(
    caller: GrpcCaller, gate: GrpcGateDouble
) -> None:
    for number in range(2, 60):
        gate.number = number
        gate.troubles_of_tickets.append(gate.hold())
    gate.decided_after, caller.patience = None, Patience(total=5)
    with pytest.raises(WaitTimeout):
        caller.call()
    assert len(gate.calls) <= 21


def test_nothing_that_is_shown_has_the_token(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    gate.decided_after, caller.patience = None, Patience(total=5)
    with pytest.raises(WaitTimeout) as caught:
        caller.call()
    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error).format())
    assert error.ticket.token == token()
    assert token() not in shown + repr(error) + repr(error.ticket) + repr(error.hold)


def test_a_stop_ends_the_wait(port: int, time: Time, gate: GrpcGateDouble) -> None:
    time.then = lambda: setattr(time, "stopped", True)
    with pytest.raises(WaitStopped):
        GrpcCaller("sync", time, port).call()
    assert gate.done == 0


def test_cancelling_ends_the_wait(port: int, gate: GrpcGateDouble) -> None:
    gate.decided_after = None

    async def go() -> None:
        waiting = asyncio.Event()

        async def forever(_: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        own = AsyncHoldgateInterceptor(sleep=forever)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=[own]) as channel:
            method: Any = channel.unary_unary(METHOD)
            call = method(b"m", timeout=PATIENCE)
            task = asyncio.ensure_future(call)
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())
    assert len(gate.calls) == 1


class Staying(grpc.GenericRpcHandler):
    """Answers no call before it is cancelled."""

    def __init__(self) -> None:
        self.arrived, self.cancelled = threading.Event(), threading.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        del handler_call_details

        def stay(_: bytes, context: grpc.ServicerContext) -> bytes:
            context.add_callback(self.cancelled.set)
            self.arrived.set()
            self.cancelled.wait(PATIENCE)
            return b""

        return grpc.unary_unary_rpc_method_handler(stay)


def test_cancelling_ends_a_call_that_is_under_way() -> None:
    """Or it could still be let through, for as long as something keeps the error, and with it the call."""
    kept: list[BaseException] = []

    class Keeping(AsyncHoldgateInterceptor):
        async def intercept_unary_unary(self, *arguments: Any) -> Any:  # noqa: ANN401 - passed on
            try:
                return await super().intercept_unary_unary(*arguments)
            except asyncio.CancelledError as error:
                kept.append(error)
                raise

    async def go(port: int) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=[Keeping()]) as channel:
            method: Any = channel.unary_unary(METHOD)
            task = asyncio.ensure_future(method(b"m", timeout=PATIENCE))
            assert await asyncio.to_thread(staying.arrived.wait, PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(staying.cancelled.wait, PATIENCE / 3)

    staying = Staying()
    server = grpc.server(ThreadPoolExecutor(1), handlers=[staying], options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        asyncio.run(go(port))
    finally:
        server.stop(grace=None).wait()
    assert len(kept) == 1


def test_a_future_waits_before_it_is_returned(port: int, time: Time) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as plain:
        channel = grpc.intercept_channel(plain, HoldgateInterceptor(stop=time))
        method: Any = channel.unary_unary(METHOD)
        assert method.future(b"m", timeout=PATIENCE).result(timeout=PATIENCE) == b"done: m"


@pytest.mark.parametrize(
    "details",
    [b"", b"\xff", b"\x1a\x02\xff\xff", failure(grpc.StatusCode.ABORTED, "HELD")[2][0][1]],
    ids=["none", "garbage", "garbled detail", "no ticket"],
)
def test_what_is_almost_a_hold_is_none(details: bytes) -> None:
    answer = GrpcAnswer.parse([("grpc-status-details-bin", details)])
    assert answer is None or answer.hold() is None


def test_an_error_of_another_domain_is_the_upstreams(caller: GrpcCaller, gate: GrpcGateDouble) -> None:
    code, text, ((name, details), *_) = gate.hold()
    assert isinstance(details, bytes)
    gate.state, gate.decided_after = "x", None
    gate.ending = (code, text, ((name, details.replace(b"holdgate", b"holdgoat")), (TICKET, token())))
    with pytest.raises(grpc.RpcError):
        caller.call()
    assert caller.heard == []
