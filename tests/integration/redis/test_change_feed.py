"""News of tickets, as those who wait get them from a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from authz.adapters.redis.change_feed import ChangeFeed
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import State
from authz.services.changes import Changes
from tests.integration.redis.drafts import draft, ending, vote
from tests.support.redis_server import RedisServer
from tests.support.waiting import until_true

PATIENCE = 10.0


class Seen:
    """Counts what the feed says of itself."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.errors: list[Exception] = []

    def subscribed(self) -> None:
        self.up.set()

    def interrupted(self, error: Exception) -> None:
        self.errors.append(error)
        self.down.set()


@asynccontextmanager
async def feeding(server: RedisServer, ping_s: float = 5.0) -> AsyncIterator[tuple[Changes, Seen]]:
    changes, seen = Changes(), Seen()
    link = Link(server.url, 1, 1_000)
    task = asyncio.create_task(ChangeFeed(link, changes, seen, ping_s=ping_s).run())
    try:
        async with asyncio.timeout(PATIENCE):
            await seen.up.wait()
        yield changes, seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert link.connected == 0, "the subscribed connection is closed and given to nobody"
        await link.aclose()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisTicketStore]:
    store = RedisTicketStore(RedisSettings(url=server.url, timeout_ms=2_000))
    yield store
    await store.aclose()


async def told(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()
    event.clear()


async def test_every_change_of_a_ticket_is_told_to_those_who_wait_for_it_and_to_nobody_else(
    server: RedisServer, store: RedisTicketStore
) -> None:
    ticket = (await store.create(draft("/one"))).ticket
    other = (await store.create(draft("/two"))).ticket
    async with feeding(server) as (changes, _):
        now = monotonic()
        with changes.watching(ticket.id, now) as mine, changes.watching(other.id, now) as theirs:
            assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
            await told(mine)
            assert await store.end(ticket.id, 2, State.REVOKED, ending())
            await told(mine)
            assert not theirs.is_set()
            assert await store.end(other.id, 1, State.CANCELLED, ending())
            await told(theirs)


async def test_a_change_between_the_look_and_the_wait_is_told(
    server: RedisServer, store: RedisTicketStore
) -> None:
    ticket = (await store.create(draft("/one"))).ticket
    async with feeding(server) as (changes, _):
        looked = monotonic()
        with changes.watching(ticket.id, looked) as first:
            assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
            await told(first)
        with changes.watching(ticket.id, looked) as late:
            assert late.is_set()
        with changes.watching(ticket.id, monotonic()) as later:
            assert not later.is_set()


async def test_everybody_looks_again_after_redis_was_away(
    server: RedisServer, store: RedisTicketStore
) -> None:
    ticket = (await store.create(draft("/one"))).ticket
    async with feeding(server) as (changes, seen):
        with changes.watching(ticket.id, monotonic()) as waiting:
            seen.up.clear()
            server.kill()
            await told(seen.down)
            server.start()
            await told(waiting)
            assert seen.up.is_set()
            assert seen.errors


async def test_a_redis_that_says_nothing_any_more_is_noticed(
    server: RedisServer, store: RedisTicketStore
) -> None:
    """A black hole: no reset ever comes, so only the missing answer to a ping tells."""
    ticket = (await store.create(draft("/one"))).ticket
    async with feeding(server, ping_s=0.05) as (changes, seen):
        with changes.watching(ticket.id, monotonic()) as waiting:
            server.freeze()
            try:
                await told(seen.down)
            finally:
                server.thaw()
            await told(waiting)


async def test_a_live_but_silent_subscription_is_kept(server: RedisServer, store: RedisTicketStore) -> None:
    """The control of the one before: pings are answered, so silence alone interrupts nothing."""
    ticket = (await store.create(draft("/one"))).ticket
    async with feeding(server, ping_s=0.05) as (changes, seen):
        with changes.watching(ticket.id, monotonic()) as waiting:
            enough = await pings_of(store) + 10

            async def ten_more() -> bool:
                return await pings_of(store) >= enough

            await until_true(ten_more)
            assert not seen.down.is_set()
            assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
            await told(waiting)


async def pings_of(store: RedisTicketStore) -> int:
    text = await store.link.command("INFO", "commandstats")
    assert isinstance(text, bytes)
    for line in text.decode().splitlines():
        if line.startswith("cmdstat_ping:"):
            return int(line.split("calls=")[1].split(",")[0])
    return 0
