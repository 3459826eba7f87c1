"""Fake servers as shell scripts, and whether a process is there."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from authz.entrypoints.demo.child import ChildSpec, Condition

WAIT = "sleep 1000 & wait"


def exists(path: Path) -> Condition:
    async def condition() -> str:
        there = os.access(path, os.F_OK)
        return "" if there else f"no {path.name} yet"

    return condition


def fake(
    folder: Path,
    name: str,
    before: str = ":",
    then: str = WAIT,
    *,
    patience: float = 10.0,
    last: bool = False,
) -> ChildSpec:
    """A script that runs `before`, is ready, and goes on with `then`."""
    ready = folder / f"{name}.ready"
    script = f"{before}; touch {shlex.quote(str(ready))}; {then}"
    return ChildSpec(
        name=name,
        command=("/bin/sh", "-c", script),
        environ={"PATH": os.environ["PATH"]},
        ready=exists(ready),
        patience=patience,
        stops_last=last,
    )


def alive(pids: Iterable[int]) -> set[int]:
    """Which of the processes run; a zombie doesn't."""
    wanted = [str(pid) for pid in pids]
    if not wanted:
        return set()
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(wanted)], capture_output=True, text=True, check=False
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid) for pid, state in rows if not state.startswith("Z")}


def group_of(leader: int) -> set[int]:
    """The living processes of a group."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid) for pid, group, state in rows if int(group) == leader and not state.startswith("Z")}


def gone_within(pids: Iterable[int], seconds: float) -> bool:
    """Wait until none of the processes runs."""
    pids = set(pids)
    deadline = time.monotonic() + seconds
    while alive(pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
