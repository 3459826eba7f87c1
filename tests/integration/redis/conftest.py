"""A real server for this directory's tests, emptied between them, and nothing left in it without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from authz.adapters.redis.conversation_store import PEOPLE, ROOMS
from authz.adapters.redis.keys import Keys, every_partition
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import PARTITIONS_MAX, RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from tests.support.redis_server import RedisServer

KEYS = Keys.of(0)
# One of each for a partition: what they hold ends by transitions, by the sweep or, in streams, by being read. A bot
# is in its conversations until somebody removes it.
WITHOUT_TTL = {ROOMS, PEOPLE} | {
    name
    for keys in every_partition(PARTITIONS_MAX)
    for name in (*keys.shared, keys.retry, keys.dead, keys.meta, keys.reviews, keys.breakers)
}


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Start servers of one's own, to be killed, frozen and filled."""
    servers: list[RedisServer] = []

    def start(binary: str | None = None, **options: str) -> RedisServer:
        directory = tmp_path / f"redis{len(servers)}"
        directory.mkdir()
        server = RedisServer(directory, binary, **options)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def settings(shared_server: RedisServer) -> RedisSettings:
    """Patient, because the machine is busy; tests of impatience say so."""
    return RedisSettings(url=shared_server.url, timeout_ms=5_000, consumer="one")


@pytest.fixture(autouse=True)
async def link(settings: RedisSettings) -> AsyncIterator[Link]:
    """A connection for looking and meddling; the database is empty before, and bounded afterwards."""
    link = Link(settings.url, 4, settings.timeout_ms)
    await link.command("FLUSHALL")
    try:
        yield link
        await assert_everything_ends(link)
    finally:
        await link.aclose()


@pytest.fixture
async def store(settings: RedisSettings) -> AsyncIterator[RedisTicketStore]:
    store = RedisTicketStore(settings)
    await store.start()
    yield store
    await store.aclose()


@pytest.fixture
async def outbox(settings: RedisSettings) -> AsyncIterator[RedisOutbox]:
    outbox = RedisOutbox(replace(settings, lease_ms=300))
    yield outbox
    await outbox.aclose()


async def assert_everything_ends(link: Link) -> None:
    """No key without TTL but the partition's own and open reviews; the indexes name nothing that isn't there."""
    names = {key.decode() for key in cast("list[bytes]", await link.command("KEYS", "*"))}
    endless = {name for name in names if await link.command("PTTL", name) == -1}
    partitions = every_partition(PARTITIONS_MAX)
    to_review = set()
    for keys in partitions:
        if keys.reviews in names:
            members = cast("list[bytes]", await link.command("ZRANGE", keys.reviews, 0, -1))
            to_review |= {keys.review(member.decode()) for member in members}
    assert endless == (endless & WITHOUT_TTL) | to_review
    for keys in partitions:
        if keys.breakers in names:
            places = cast("list[bytes]", await link.command("ZRANGE", keys.breakers, 0, -1))
            assert {keys.review(place.decode().rpartition(":")[2]) for place in places} <= to_review
    tickets = {name.rpartition(":")[2] for name in names if ":ticket:" in name}
    indexes = {name for of in partitions for name in (*of.shared[3:8],) if name in names}
    for index in indexes:
        members = cast("list[bytes]", await link.command("ZRANGE", index, 0, -1))
        assert {member.rpartition(b":")[2].decode() for member in members} <= tickets


async def advance(link: Link, milliseconds: int, keys: Keys = KEYS) -> None:
    """Let time pass for the scripts: the partition's stamp is never stepped back behind."""
    seconds, micros = cast("list[bytes]", await link.command("TIME"))
    stamp = int(cast("bytes | None", await link.command("GET", keys.clock)) or 0)
    now = max(int(seconds) * 1000 + int(micros) // 1000, stamp)
    await link.command("SET", keys.clock, now + milliseconds)
