from __future__ import annotations

import asyncio

import httpx
import pytest

from clients.python.tests.gate_double import URL, Caller, GateDouble, Time, token
from holdgate_client import AsyncHoldgateTransport, Hold, HoldgateTransport


def test_cancelling_the_task_ends_the_wait_and_sends_nothing_more(gate: GateDouble) -> None:
    gate.decided_after = None

    async def go() -> None:
        waiting = asyncio.Event()

        async def forever(_: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        transport = AsyncHoldgateTransport(httpx.MockTransport(gate), sleep=forever)
        async with httpx.AsyncClient(transport=transport) as client:
            task = asyncio.create_task(client.delete(URL))
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())
    assert len(gate.sent) == 1


def test_a_callback_may_be_a_coroutine_function(gate: GateDouble, time: Time) -> None:
    heard: list[str] = []

    async def hear(hold: Hold) -> None:
        await asyncio.sleep(0)
        heard.append(hold.state)

    Caller("async", time, gate, on_hold=hear).send()
    assert heard == ["pending", "approved"]


def test_requests_wait_beside_each_other(time: Time) -> None:
    gates = {
        f"g{number}.test": GateDouble(time, number=number, decided_after=number) for number in range(1, 9)
    }

    async def go() -> None:
        transport = AsyncHoldgateTransport(
            httpx.MockTransport(lambda request: gates[request.url.host](request)), sleep=time.asleep
        )
        async with httpx.AsyncClient(transport=transport) as client:
            answers = await asyncio.gather(*(client.delete(f"https://{host}/x") for host in gates))
        assert {answer.status_code for answer in answers} == {200}

    asyncio.run(go())
    for number, gate in enumerate(gates.values(), start=1):
        assert (gate.done, gate.sent[1].headers["x-approval-ticket"]) == (1, token(number))


def test_each_kind_says_that_it_needs_a_transport_of_its_kind() -> None:
    class OnlyAsync(httpx.AsyncByteStream):
        pass

    class OnlySync(httpx.SyncByteStream):
        pass

    headers = {"content-type": "application/problem+json"}
    sync = HoldgateTransport(
        httpx.MockTransport(lambda _: httpx.Response(403, headers=headers, stream=OnlyAsync()))
    )
    with pytest.raises(TypeError, match="SyncByteStream"):
        sync.handle_request(httpx.Request("GET", URL))
    both = AsyncHoldgateTransport(
        httpx.MockTransport(lambda _: httpx.Response(403, headers=headers, stream=OnlySync()))
    )
    with pytest.raises(TypeError, match="AsyncByteStream"):
        asyncio.run(both.handle_async_request(httpx.Request("GET", URL)))
