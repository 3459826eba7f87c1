"""One supervised process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from authz.entrypoints.demo.child_log import ChildLog
from authz.entrypoints.demo.output_pipe import OutputPipe

Condition = Callable[[], Awaitable[str]]
"""Returns the empty string when it holds, else why not yet. May raise OSError or httpx.HTTPError as well."""

_LOG_PATIENCE = 0.3  # seconds; a grandchild that left the group may hold the pipe open


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What to run and how to see that it serves.

    `name` is for people and names the log. `environ` is its whole environment. `patience` is in seconds.
    `stops_last` is for what others still need while they stop.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    ready: Condition
    patience: float = 15.0
    stops_last: bool = False
    pass_fds: tuple[int, ...] = field(default=())


class Child:
    """A running process, the leader of its own group; `output` has what it writes."""

    def __init__(
        self, spec: ChildSpec, process: asyncio.subprocess.Process, output: OutputPipe, log: ChildLog
    ) -> None:
        self.spec = spec
        self.log = log
        self.pid = process.pid
        self.exited = asyncio.create_task(self._run(process, output), name=f"{spec.name} runs")

    async def _run(self, process: asyncio.subprocess.Process, output: OutputPipe) -> int:
        """Return the exit code once the process is gone, its group is gone and its log is written."""
        copying = asyncio.create_task(self.log.copy(output.reader))
        copying.add_done_callback(self._end_the_unread)
        code = await process.wait()
        self._signal(signal.SIGKILL)  # whatever it started and left behind
        await asyncio.wait([copying], timeout=_LOG_PATIENCE)
        output.close()
        copying.cancel()
        with suppress(asyncio.CancelledError):
            await copying
        return code

    def _end_the_unread(self, copying: asyncio.Task[None]) -> None:
        """Kill a process whose log can't be written (a full disk): its next write would block for ever."""
        if not copying.cancelled() and copying.exception() is not None:
            self._signal(signal.SIGKILL)

    async def end(self, grace: float) -> None:
        """SIGTERM the group, SIGKILL it after `grace` seconds, and wait until it is gone."""
        if not self.exited.done():
            self._signal(signal.SIGTERM)
            await asyncio.wait([self.exited], timeout=grace)
        if not self.exited.done():
            self._signal(signal.SIGKILL)
        await asyncio.wait([self.exited])  # its error, if its log was lost, must not keep others from ending

    def _signal(self, number: signal.Signals) -> None:
        # macOS says PermissionError of a group that has only zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
