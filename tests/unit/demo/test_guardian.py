from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authz.entrypoints.demo import supervisor as module
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.supervisor import Supervisor
from tests.unit.demo.processes import alive, gone_within, group_of

# Supervises a polite child and a stubborn one with a child of its own, and tells their process ids.
SUPERVISING = """
import asyncio, sys
from pathlib import Path
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.supervisor import Supervisor
from tests.unit.demo.processes import WAIT, fake

async def main():
    run = RunDirectory(Path(sys.argv[1]))
    with run.held():
        async with Supervisor(run) as supervisor:
            polite = await supervisor.start(fake(run.root, "polite"))
            stubborn = fake(run.root, "stubborn", before="trap '' TERM", then=f"({WAIT}) & {WAIT}")
            stubborn = await supervisor.start(stubborn)
            (run.sockets / "left.sock").touch()
            print(supervisor.guardian_pid, polite.pid, stubborn.pid, flush=True)
            await asyncio.Future()

asyncio.run(main())
"""
ROOT = Path(__file__).parents[3]


@contextmanager
def supervising(run: RunDirectory) -> Iterator[tuple[subprocess.Popen[str], int, set[int]]]:
    command = [sys.executable, "-c", SUPERVISING, str(run.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        guardian, *leaders = (int(pid) for pid in process.stdout.readline().split())
        children = {pid for leader in leaders for pid in group_of(leader)}
        try:
            assert len(children) >= 3
            yield process, guardian, children
        finally:
            process.kill()
            for leader in leaders:
                if group_of(leader):
                    os.killpg(leader, signal.SIGKILL)


def test_a_killed_supervisor_leaves_no_process_no_socket_and_no_lock(run: RunDirectory) -> None:
    with supervising(run) as (process, guardian, children):
        process.kill()
        process.wait()
        assert gone_within({guardian, *children}, 5)
    assert not list(run.sockets.iterdir())
    assert not run.is_held()


def test_without_the_guardian_they_would_be_left(run: RunDirectory) -> None:
    """The control: it is the guardian that ends them."""
    with supervising(run) as (process, guardian, children):
        os.kill(guardian, signal.SIGKILL)
        assert gone_within([guardian], 5)
        process.kill()
        process.wait()
        assert not gone_within(children, 0.5)
        assert alive(children) == children


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_guardian_outlasts_what_stops_the_demo(run: RunDirectory, number: signal.Signals) -> None:
    with supervising(run) as (process, guardian, children):
        os.kill(guardian, number)
        process.kill()
        process.wait()
        assert gone_within({guardian, *children}, 5)


@pytest.mark.parametrize("waits", [True, False], ids=["as it is", "control: nobody waits for the guardian"])
async def test_the_guardian_is_deaf_before_anything_is_entrusted_to_it(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    """A Ctrl-C in the first moment would otherwise end the guardian, and a killed demo would leave its servers."""

    async def at_once(_guardian: asyncio.subprocess.Process) -> None:
        """No wait."""

    if not waits:
        monkeypatch.setattr(module, "_guards", at_once)
    with run.held():
        async with Supervisor(run) as supervisor:
            os.kill(supervisor.guardian_pid, signal.SIGINT)
        assert supervisor._guarding is not None
        assert (supervisor._guarding.result() == 0) is waits
