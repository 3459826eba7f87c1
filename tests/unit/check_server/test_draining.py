"""The order in which a server leaves: it says so, waits, takes nothing new, and ends what it has."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import grpc

from authz.entrypoints.check.server import CheckServer
from tests.unit.check_server.serving import Answering, ask, connected, healthy, serving

OK = grpc.StatusCode.OK
GONE = grpc.StatusCode.UNAVAILABLE
LONG = 60.0
PATIENCE = 10.0


class Caller:
    """Asks as Envoy does: as long as the last health check that was answered said that the server serves."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.may_ask = True

    async def refused(self) -> bool:
        """Look, and ask where that is allowed; say whether a check that was sent was not answered."""
        with suppress(grpc.aio.AioRpcError):  # one missing answer is no verdict for Envoy either
            self.may_ask = await healthy(self._channel)
        return self.may_ask and await ask(self._channel) is not OK


async def held(channel: grpc.aio.Channel, handler: Answering) -> asyncio.Task[grpc.StatusCode]:
    """Let one check be under way until `handler.open` is set."""
    handler.open.clear()
    checking = asyncio.create_task(ask(channel))
    await handler.reached(handler.checks + 1)
    return checking


async def no_answer(channel: grpc.aio.Channel) -> None:
    """Wait until not even the health is told any more."""
    async with asyncio.timeout(PATIENCE):
        with suppress(grpc.aio.AioRpcError):
            while True:
                await healthy(channel)


async def test_it_says_so_first_and_goes_on_answering_while_envoy_notices() -> None:
    async with serving() as (server, _), connected(server.address) as channel:
        stopping = asyncio.create_task(server.stop(drain_delay=LONG, grace=LONG))
        caller = Caller(channel)
        async with asyncio.timeout(PATIENCE):
            while caller.may_ask:
                assert not await caller.refused()
        assert await ask(channel) is OK, "of a caller that hasn't looked since"
        assert not stopping.done()
        stopping.cancel()


async def test_after_the_delay_it_takes_nothing_new_and_ends_what_it_has() -> None:
    async with serving() as (server, handler), connected(server.address) as channel:
        open_check = await held(channel, handler)
        stopping = asyncio.create_task(server.stop(drain_delay=0, grace=LONG))
        async with connected(server.address) as late:
            await no_answer(late)
            assert await ask(late) is GONE
        assert not open_check.done()
        handler.open.set()
        assert await open_check is OK
        await asyncio.wait_for(stopping, PATIENCE)


async def test_what_is_not_over_within_the_grace_is_ended() -> None:
    async with serving() as (server, handler), connected(server.address) as channel:
        open_check = await held(channel, handler)
        await asyncio.wait_for(server.stop(drain_delay=0, grace=0), PATIENCE)
        assert await open_check in {GONE, grpc.StatusCode.CANCELLED}


async def test_control_the_other_way_round_a_caller_that_was_told_nothing_is_refused() -> None:
    async with serving() as (server, _), connected(server.address) as channel:
        caller = Caller(channel)
        assert not await caller.refused()
        await reversed_stop(server)
        assert await caller.refused()


async def reversed_stop(server: CheckServer) -> None:
    """Take nothing new, and only then say so."""
    await server._server.stop(LONG)
    await server._health.enter_graceful_shutdown()
