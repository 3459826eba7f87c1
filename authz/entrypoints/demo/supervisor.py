"""Starts the demo's processes, notices the first that ends, and leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from authz.entrypoints.demo.child import Child, ChildSpec, Condition
from authz.entrypoints.demo.child_log import ChildLog
from authz.entrypoints.demo.conditions import unmet
from authz.entrypoints.demo.errors import ChildDied, ChildNotReady, DemoError, LogLost
from authz.entrypoints.demo.output_pipe import OutputPipe
from authz.entrypoints.demo.run_directory import RunDirectory

FIRST_GRACE: Final = 2.0
LAST_GRACE: Final = 1.0
"""Seconds from SIGTERM to SIGKILL, for those that stop first and for those that stop last: with the ends of
the logs and the guardian's goodbye, everything is over within 5 seconds."""

_POLL = 0.02
_GUARDIAN_PATIENCE = 1.0
_GUARDIAN_START_PATIENCE = 20.0

# Runs the command as its own process group leader. `$0` is never used; standard input is the guardian's pipe
# until the command replaces the shell, so the pid is known to the guardian before anything can go wrong.
_REGISTER = 'echo "+$$" >&0 && exec "$@" </dev/null'


async def _guards(guardian: asyncio.subprocess.Process) -> None:
    """Wait until the guardian is deaf to what stops the demo. Raises ChildDied when it doesn't come to that."""
    assert guardian.stdout is not None  # noqa: S101 - asked for
    with suppress(TimeoutError):
        async with asyncio.timeout(_GUARDIAN_START_PATIENCE):
            if await guardian.stdout.readline():
                return
    with suppress(ProcessLookupError):
        guardian.kill()
    raise ChildDied("guardian", await guardian.wait(), (), "any log")


class Supervisor:
    """Use as an async context manager: on leaving it, every process is gone, whatever happened inside."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self.children: list[Child] = []
        self._spawning: set[asyncio.Task[Child]] = set()
        self._stopping = False
        self._death: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._guarding: asyncio.Task[int] | None = None
        self.guardian_pid = 0
        self._pipe = -1

    async def __aenter__(self) -> Self:
        """Start the guardian, which ends the rest when this process is killed."""
        reading, self._pipe = os.pipe()
        try:
            guardian = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(Path(__file__).with_name("guardian.py")),
                str(self._run.sockets),
                stdin=reading,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            await _guards(guardian)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(reading)
        self.guardian_pid = guardian.pid
        self._guarding = asyncio.create_task(guardian.wait(), name="guardian runs")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, the guardian last."""
        self._stopping = True
        await asyncio.gather(*self._spawning, return_exceptions=True)
        await self._end(FIRST_GRACE, stops_last=False)
        await self._end(LAST_GRACE, stops_last=True)
        os.close(self._pipe)
        assert self._guarding is not None  # noqa: S101 - entered before
        await asyncio.wait([self._guarding], timeout=_GUARDIAN_PATIENCE)
        if not self._guarding.done():
            os.kill(self.guardian_pid, signal.SIGKILL)
            await self._guarding

    async def start(self, spec: ChildSpec) -> Child:
        """Start a process and wait until it is ready.

        Raises ChildDied or ChildNotReady for this one; another one's death is `died`'s to tell. RuntimeError once
        stopping has begun.
        """
        if self._stopping:
            raise RuntimeError(f"{spec.name} can't be started: everything is being stopped")
        spawning = asyncio.create_task(self._spawn(spec), name=f"{spec.name} starts")
        self._spawning.add(spawning)
        spawning.add_done_callback(self._spawning.discard)
        # A stop in the middle of a fork must not lose the child: `__aexit__` waits for it.
        child = await asyncio.shield(spawning)
        await self.until(child, spec.ready)
        return child

    async def until(self, child: Child, condition: Condition) -> None:
        """Wait until a condition holds. Raises ChildDied, or ChildNotReady when `patience` is over."""
        spec = child.spec
        deadline = time.monotonic() + spec.patience
        while True:
            if child.exited.done():
                raise self._died(child)
            why = await unmet(condition)
            if not why:
                return
            if time.monotonic() > deadline:
                raise ChildNotReady(spec.name, spec.patience, why, child.log.last_lines(), self._shown(child))
            await asyncio.wait([child.exited], timeout=_POLL)

    async def died(self) -> None:
        """Wait for the first process that ends by itself. Raises ChildDied or LogLost, and never returns."""
        assert self._guarding is not None  # noqa: S101 - entered before
        ends: tuple[asyncio.Future[Any], ...] = (self._death, self._guarding)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._death.done():
            raise self._died(self._death.result())
        raise ChildDied("guardian", self._guarding.result(), (), "any log")

    async def _spawn(self, spec: ChildSpec) -> Child:
        async with OutputPipe() as output:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _REGISTER,
                "sh",
                *spec.command,
                stdin=self._pipe,
                stdout=output.writing,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(spec.environ),
                cwd=self._run.root,
                start_new_session=True,
                pass_fds=spec.pass_fds,
            )
        child = Child(spec, process, output, ChildLog(self._run.logs / f"{spec.name}.log"))
        self.children.append(child)
        child.exited.add_done_callback(lambda _: self._ended(child))
        return child

    def _ended(self, child: Child) -> None:
        with suppress(BrokenPipeError):  # no guardian any more: `died` tells
            os.write(self._pipe, f"-{child.pid}\n".encode())
        if not self._stopping and not self._death.done():
            self._death.set_result(child)

    async def _end(self, grace: float, *, stops_last: bool) -> None:
        chosen = [child for child in self.children if child.spec.stops_last is stops_last]
        await asyncio.gather(*(child.end(grace) for child in chosen))

    def _died(self, child: Child) -> DemoError:
        lost = child.exited.exception()
        if lost is not None:
            return LogLost(child.spec.name, lost)
        return ChildDied(child.spec.name, child.exited.result(), child.log.last_lines(), self._shown(child))

    def _shown(self, child: Child) -> str:
        path = child.log.path
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
