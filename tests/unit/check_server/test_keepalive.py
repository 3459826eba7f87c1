"""Connections whose other end is gone, or pings too often, are ended; those that are merely idle are not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc
import pytest

from authz.entrypoints.check import server as server_module
from tests.unit.check_server.raw_peer import RawPeer, raw_peer
from tests.unit.check_server.serving import BOUNDS, Answering, ask, connected, serving

ATTENTIVE = replace(BOUNDS, keepalive_ms=200, keepalive_timeout_ms=200)
INATTENTIVE = replace(BOUNDS, keepalive_ms=2**31 - 1)
MANY = 10


async def filled(handler: Answering, peer: RawPeer) -> None:
    """Let a caller have as many checks under way as there may be."""
    handler.open.clear()
    peer.ask(BOUNDS.max_concurrent)
    await handler.reached(BOUNDS.max_concurrent)


async def has_room(channel: grpc.aio.Channel, handler: Answering) -> bool:
    """Ask once more, and take it back; say whether it was admitted."""
    admitted = asyncio.create_task(handler.reached(handler.checks + 1))
    asking = asyncio.create_task(ask(channel))
    done, _ = await asyncio.wait({admitted, asking}, return_when=asyncio.FIRST_COMPLETED)
    for task in {admitted, asking} - done:
        task.cancel()
    if asking in done:
        assert await asking is grpc.StatusCode.RESOURCE_EXHAUSTED
    return admitted in done


async def pings(peer: RawPeer) -> int:
    """Ping one time after the other; return how often it was answered before the server had enough."""
    for number in range(MANY):
        if not await peer.ping():
            return number
    return MANY


async def test_an_idle_connection_whose_other_end_is_gone_is_closed() -> None:
    async with serving(options=ATTENTIVE) as (server, _), raw_peer(server.address) as gone:
        await gone.ended()


async def test_the_checks_of_a_caller_that_is_gone_make_room_for_others() -> None:
    async with (
        serving(options=ATTENTIVE) as (server, handler),
        raw_peer(server.address) as gone,
        connected(server.address) as channel,
    ):
        await filled(handler, gone)
        await gone.ended()
        async with asyncio.timeout(10):
            while not await has_room(channel, handler):
                pass


async def test_control_without_pings_the_dead_keep_their_connections_and_their_places() -> None:
    async with (
        serving(options=ATTENTIVE) as (watched, _),
        serving(options=INATTENTIVE) as (server, handler),
        raw_peer(watched.address) as noticed,
        raw_peer(server.address) as idle,
        raw_peer(server.address) as gone,
        connected(server.address) as channel,
    ):
        await filled(handler, gone)
        await noticed.ended()
        assert not await has_room(channel, handler)
        assert await idle.ping(), "its connection is open"


async def test_a_caller_that_is_alive_keeps_its_idle_connection() -> None:
    async with (
        serving(options=ATTENTIVE) as (server, handler),
        connected(server.address) as channel,
    ):
        assert await ask(channel) is grpc.StatusCode.OK
        async with raw_peer(server.address) as gone:
            await gone.ended()
        assert await ask(channel) is grpc.StatusCode.OK
        assert len(handler.peers) == 1, "it had to connect anew"


async def test_a_caller_that_pings_without_end_is_sent_away() -> None:
    async with serving() as (server, _), raw_peer(server.address) as peer:
        assert await pings(peer) < MANY


async def test_control_with_no_least_distance_of_pings_it_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_CALLERS_PING_MS", 0)
    async with serving() as (server, _), raw_peer(server.address) as peer:
        assert await pings(peer) == MANY
