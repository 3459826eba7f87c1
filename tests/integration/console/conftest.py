from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.support.redis_server import RedisServer
from tests.unit.console.conftest import child_pid, guard
from tests.unit.console.world import World

__all__ = ["child_pid", "guard"]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def real(guard: DemoGuard, redis_server: RedisServer) -> AsyncIterator[World]:
    """A console over a real Redis."""
    store = RedisTicketStore(RedisSettings(url=redis_server.url, timeout_ms=5_000, consumer="one"))
    await store.start()
    yield World(guard, store=store)
    await store.aclose()
