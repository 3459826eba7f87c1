from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from authz.entrypoints.console.demo_guard import DemoGuard, Helper
from tests.unit.console.world import World


@pytest.fixture(scope="session")
def child_pid() -> Iterator[int]:
    """A process that this one started; it ends when its input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        yield child.pid
        assert child.stdin is not None
        child.stdin.close()


@pytest.fixture(scope="session")
def guard(child_pid: int) -> DemoGuard:
    return DemoGuard(
        Helper("Redis", child_pid, "redis://127.0.0.1:6379/0"),
        Helper("OPA", child_pid, "http://127.0.0.1:8181"),
    )


@pytest.fixture
def world(guard: DemoGuard) -> World:
    return World(guard)
