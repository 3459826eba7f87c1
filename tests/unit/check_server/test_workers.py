"""The process that keeps worker processes: what it does when they end, or don't."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authz.entrypoints import workers as module
from authz.entrypoints.workers import GIVE_UP_AFTER, Workers
from authz.services.backoff import Backoff
from authz.settings import Settings
from authz.settings_loader import load_settings

AT_ONCE = Backoff(base_s=0.001, max_s=0.001)
# Writes a line for each start; answers SIGTERM like a server.
STAYS = """
import os, signal, sys, threading
told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
open(sys.argv[1], "a").write(os.environ["HOLDGATE_GRPC_LISTEN"] + " " + os.environ["HOLDGATE_WORKER"] + "\\n")
told.wait()
"""
IGNORES = STAYS.replace("lambda *_: told.set()", "signal.SIG_IGN")
DIES = "import os, sys; open(sys.argv[1], 'a').write('x\\n'); sys.exit(int(sys.argv[2]))"


def command(program: str, note: Path, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", program, str(note), *arguments)


def settings(workers: int = 2) -> Settings:
    given = {"WORKERS": str(workers), "DRAIN_DELAY": "0s", "SHUTDOWN_GRACE": "0s"}
    return load_settings({f"HOLDGATE_{name}": value for name, value in given.items()})


def workers(*commands: Sequence[str]) -> Workers:
    return Workers(commands, settings(len(commands)), {}, AT_ONCE)


def lines_of(note: Path) -> list[str]:
    return note.read_text().splitlines() if note.exists() else []


async def written(note: Path, lines: int) -> list[str]:
    deadline = time.monotonic() + 20
    while len(lines_of(note)) < lines:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return lines_of(note)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "note"


async def test_each_worker_has_addresses_of_its_own_and_all_end_when_told(note: Path) -> None:
    kept = workers(command(STAYS, note), command(STAYS, note))
    running = asyncio.create_task(kept.run())
    assert sorted(await written(note, 2)) == ["127.0.0.1:9191 0", "127.0.0.1:9192 1"]
    signal.raise_signal(signal.SIGTERM)
    assert await running == 0


async def test_a_worker_that_was_killed_is_started_again_on_its_address(note: Path) -> None:
    kept = workers(command(STAYS, note), command(STAYS, note))
    running = asyncio.create_task(kept.run())
    await written(note, 2)
    with capture_logs() as lines:
        kept._workers[1].signal(signal.SIGKILL)
        assert (await written(note, 3))[2] == "127.0.0.1:9192 1"
    assert [(line["worker"], line["code"]) for line in lines if line["event"] == "worker.died"] == [(1, -9)]
    kept._stop.set()
    assert await running == 0


async def test_a_worker_that_keeps_dying_ends_it_all(note: Path, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    code = await workers(command(STAYS, note), command(DIES, dying, "3")).run()
    assert code == 1
    assert len(lines_of(dying)) == GIVE_UP_AFTER


async def test_control_a_worker_that_lasted_in_between_is_kept(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LASTED_SECONDS", 0.0)
    dying = tmp_path / "dying"
    kept = workers(command(STAYS, note), command(DIES, dying, "3"))
    running = asyncio.create_task(kept.run())
    await written(dying, GIVE_UP_AFTER + 2)
    kept._stop.set()
    await running


async def test_bad_settings_are_not_tried_again(note: Path, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    assert await workers(command(STAYS, note), command(DIES, dying, "2")).run() == 2
    assert len(lines_of(dying)) == 1


async def test_a_worker_that_does_not_stop_is_killed_and_told_about(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_MARGIN_SECONDS", 0.3)
    kept = workers(command(STAYS, note), command(IGNORES, note))
    running = asyncio.create_task(kept.run())
    await written(note, 2)
    with capture_logs() as lines:
        kept._stop.set()
        assert await running == 1
    assert [line["worker"] for line in lines if line["event"] == "worker.killed"] == [1]


async def test_the_wait_before_another_try_ends_when_told_to_stop(note: Path, tmp_path: Path) -> None:
    slow = Backoff(base_s=600, max_s=600, jitter=lambda most: most)
    kept = Workers([command(DIES, note, "3"), command(DIES, tmp_path / "b", "3")], settings(), {}, slow)
    running = asyncio.create_task(kept.run())
    await written(note, 1)
    kept._stop.set()
    async with asyncio.timeout(10):
        await running
    assert len(lines_of(note)) == 1


async def test_workers_are_replaced_one_by_one_and_the_next_only_when_the_last_is_ready(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = asyncio.Event()

    async def is_ready(_address: str) -> bool:
        return ready.is_set()

    monkeypatch.setattr(module, "is_ready", is_ready)
    kept = workers(command(STAYS, note), command(STAYS, note))
    running = asyncio.create_task(kept.run())
    await written(note, 2)
    second = kept._workers[1].process
    signal.raise_signal(signal.SIGHUP)
    assert (await written(note, 3))[2].endswith(" 0")
    assert kept._workers[1].process is second, "the first one is not ready yet"
    ready.set()
    assert (await written(note, 4))[3].endswith(" 1")
    kept._stop.set()
    assert await running == 0


async def test_the_next_worker_is_replaced_only_after_envoy_had_time_to_notice_the_last(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control is the test above, where Envoy needs no time."""

    async def is_ready(_address: str) -> bool:
        return True

    monkeypatch.setattr(module, "is_ready", is_ready)
    kept = workers(command(STAYS, note), command(STAYS, note))
    kept._notice = 600
    running = asyncio.create_task(kept.run())
    await written(note, 2)
    second = kept._workers[1].process
    with capture_logs() as lines:
        kept._roll()
        async with asyncio.timeout(20):
            while "rolling.replaced" not in [line["event"] for line in lines]:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.02)
    assert kept._workers[1].process is second
    assert kept._workers[0].process is not None
    kept._stop.set()
    assert await running == 0


async def test_a_replacement_that_does_not_get_ready_leaves_the_others_alone(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_ready(_address: str) -> bool:
        return False

    monkeypatch.setattr(module, "is_ready", is_ready)
    monkeypatch.setattr(module, "READY_SECONDS", 0.5)
    kept = workers(command(STAYS, note), command(STAYS, note))
    running = asyncio.create_task(kept.run())
    await written(note, 2)
    second = kept._workers[1].process
    with capture_logs() as lines:
        kept._roll()
        assert kept._rolling is not None
        await kept._rolling
    assert "rolling.stopped" in [line["event"] for line in lines]
    assert kept._workers[1].process is second
    kept._stop.set()
    assert await running == 0
