from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from authz.entrypoints.demo.child_log import ChildLog
from authz.entrypoints.demo.errors import ChildDied, ChildNotReady, LogLost
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.supervisor import FIRST_GRACE, Supervisor
from tests.unit.demo.processes import WAIT, alive, fake, group_of

STUBBORN = "trap '' TERM"


@pytest.fixture
async def held(run: RunDirectory) -> AsyncIterator[RunDirectory]:
    with run.held():
        yield run


async def test_a_child_that_ends_is_named_with_its_exit_code_and_last_lines(held: RunDirectory) -> None:
    go = held.root / "go"
    spec = fake(
        held.root, "opa", then=f"while ! [ -e {go} ]; do sleep 0.02; done; echo no disk left >&2; exit 7"
    )
    async with Supervisor(held) as supervisor:
        await supervisor.start(spec)
        go.touch()
        with pytest.raises(ChildDied, match="opa ended with exit code 7") as died:
            await supervisor.died()
    assert "no disk left" in str(died.value)
    assert "logs/opa.log" in str(died.value)
    assert died.value.code == 7


async def test_a_child_that_is_killed_is_named_with_the_signal(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        child = await supervisor.start(fake(held.root, "envoy"))
        other = await supervisor.start(fake(held.root, "redis"))
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(ChildDied, match="envoy was killed by signal 9"):
            await supervisor.died()
    assert not alive([child.pid, other.pid])


async def test_a_child_that_ends_before_it_is_ready_fails_its_own_start(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        with pytest.raises(ChildDied, match="cannot open"):
            await supervisor.start(fake(held.root, "redis", before="echo cannot open the file; exit 1"))


async def test_a_program_that_is_not_there_fails_its_start(held: RunDirectory) -> None:
    spec = fake(held.root, "envoy")
    missing = type(spec)(
        name="envoy", command=("/nowhere/envoy",), environ=spec.environ, ready=spec.ready, patience=10
    )
    async with Supervisor(held) as supervisor:
        with pytest.raises(ChildDied, match="/nowhere/envoy"):
            await supervisor.start(missing)


async def test_a_child_that_never_gets_ready_is_given_up_with_the_reason(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        with pytest.raises(ChildNotReady, match=r"opa was not ready after 0.3 s \(no opa.ready yet\)"):
            await supervisor.start(fake(held.root, "opa", before=WAIT, patience=0.3))


async def test_leaving_lets_a_child_end_by_itself(held: RunDirectory) -> None:
    done = held.root / "done"
    async with Supervisor(held) as supervisor:
        child = await supervisor.start(fake(held.root, "redis", before=f"trap 'touch {done}; exit 0' TERM"))
    assert done.exists()
    assert not alive([child.pid])


async def test_leaving_ends_stubborn_children_and_theirs_within_five_seconds(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        first = await supervisor.start(fake(held.root, "first", before=STUBBORN, then=f"({WAIT}) & {WAIT}"))
        last = await supervisor.start(fake(held.root, "last", before=STUBBORN, last=True))
        assert len(group_of(first.pid)) >= 2
        leaving = time.monotonic()
    took = time.monotonic() - leaving
    assert not group_of(first.pid)
    assert not alive([last.pid])
    # They were stubborn indeed: the grace ran out before they were killed.
    assert FIRST_GRACE < took < 5


async def test_a_grandchild_does_not_outlive_its_parent(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        child = await supervisor.start(fake(held.root, "holdgate", then=f"({WAIT}) & {WAIT}"))
        assert len(group_of(child.pid)) >= 2
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(ChildDied):
            await supervisor.died()
        assert not group_of(child.pid)


async def test_what_others_need_while_they_stop_stops_last(held: RunDirectory) -> None:
    order = held.root / "order"
    async with Supervisor(held) as supervisor:
        for name, last in (("redis", True), ("holdgate", False)):
            before = f"trap 'echo {name} >> {order}; exit 0' TERM"
            await supervisor.start(fake(held.root, name, before=before, last=last))
    assert order.read_text().split() == ["holdgate", "redis"]


async def test_a_stop_in_the_middle_of_starting_leaves_nothing(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        starting = asyncio.create_task(supervisor.start(fake(held.root, "opa", before=WAIT)))
        await asyncio.sleep(0)  # the start has begun, the fork has not happened yet
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert "opa" in {path.stem for path in held.logs.iterdir()}, "the child was started after all"
    assert not [child for child in supervisor.children if group_of(child.pid)]


async def test_a_child_whose_log_can_not_be_written_is_ended(
    held: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: ChildLog, stream: asyncio.StreamReader) -> None:
        await stream.read(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ChildLog, "copy", full)
    async with Supervisor(held) as supervisor:
        other = await supervisor.start(fake(held.root, "redis"))
        with pytest.raises(LogLost, match=r"the output of opa can't be written .* No space left"):
            await supervisor.start(fake(held.root, "opa", before="echo one line; sleep 1000"))
    assert not alive([other.pid, *(child.pid for child in supervisor.children)])


async def test_the_guardians_death_is_noticed(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        child = await supervisor.start(fake(held.root, "opa"))
        os.kill(supervisor.guardian_pid, signal.SIGKILL)
        with pytest.raises(ChildDied, match="guardian was killed by signal 9"):
            await supervisor.died()
    assert not alive([child.pid])


async def test_nothing_starts_once_stopping_has_begun(held: RunDirectory) -> None:
    async with Supervisor(held) as supervisor:
        pass
    with pytest.raises(RuntimeError, match="opa can't be started"):
        await supervisor.start(fake(held.root, "opa"))
