"""A real Redis, and what writes into it and reads from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from tests.support.redis_server import RedisServer

LEASE_MS = 1000
STREAM = Keys.of(0).outbox


async def waiting(store: RedisTicketStore) -> int:
    """Return how many notices are in the outbox, taken or not."""
    length = await store.link.command("XLEN", STREAM)
    assert isinstance(length, int)
    return length


async def all_settled(store: RedisTicketStore) -> None:
    """Wait until the outbox is empty; pytest's timeout bounds it."""
    while True:
        if not await waiting(store):
            return
        await asyncio.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(server: RedisServer) -> RedisSettings:
    """Patient, because the machine is busy."""
    return RedisSettings(url=server.url, timeout_ms=3000, lease_ms=LEASE_MS, consumer="test")


@pytest.fixture
async def store(settings: RedisSettings) -> AsyncIterator[RedisTicketStore]:
    store = RedisTicketStore(settings)
    await store.start()
    yield store
    await store.aclose()


@pytest.fixture
async def outbox(settings: RedisSettings) -> AsyncIterator[RedisOutbox]:
    outbox = RedisOutbox(settings)
    yield outbox
    await outbox.aclose()
