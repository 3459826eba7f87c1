"""One run of the demo, from the first check to the last process gone."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from authz.entrypoints.console.demo_address import one_time_secret
from authz.entrypoints.demo.closing_words import closing_words
from authz.entrypoints.demo.console_visit import ConsoleVisit
from authz.entrypoints.demo.gate_client import GateClient
from authz.entrypoints.demo.scene import Scene
from authz.entrypoints.demo.screen import Screen
from authz.entrypoints.demo.stack import Stack
from authz.entrypoints.demo.stop_signals import stop_signals
from authz.entrypoints.demo.story import STEPS
from authz.entrypoints.demo.supervisor import Supervisor
from authz.entrypoints.demo.walk import walk

_SIGNALLED = 128
_DEATH_PATIENCE = 0.3  # seconds


@dataclass(slots=True)
class Session:
    """What a run is made of. `walked` is True once the walk is over and people are being served."""

    stack: Stack
    screen: Screen
    once: bool
    walked: bool = False

    async def play(self) -> int:
        """Run the demo and return the exit code.

        0 when asked to stop while serving, or after a walk without a surprise; 1 after a walk with one; 128
        and the signal's number when stopped earlier. Raises ChildDied, ChildNotReady.
        """
        with stop_signals() as asked:
            async with Supervisor(self.stack.parts.run) as supervisor:
                code = await _first(self._story(supervisor), supervisor, asked)
        if code is not None:
            return code
        if asked.result() is not signal.SIGHUP:  # after that one, nobody is there to read it
            self.screen.say(f"\nStopped by {asked.result().name}.")
        return 0 if self.walked else _SIGNALLED + asked.result()

    async def _story(self, supervisor: Supervisor) -> int:
        began = time.monotonic()
        self.screen.say("Starting Redis, OPA, Envoy, Holdgate, a sample upstream and a chat room …")
        room_port = await self.stack.start(supervisor)
        self.screen.say(f"All of them run after {time.monotonic() - began:.1f} s.")
        good = await self._walk(room_port)
        if self.once:
            return 0 if good else 1
        self.walked = True
        self.screen.say(closing_words(self.stack, room_port))
        await asyncio.Future()  # until a signal or a death ends the run
        raise AssertionError("unreachable")

    async def _walk(self, room_port: int) -> bool:
        parts = self.stack.parts
        gate = GateClient(parts.ports.envoy, self.stack.key, self.stack.people, self.screen)
        console = ConsoleVisit(parts.ports.console, one_time_secret(self.stack.sign_in_key))
        scene = Scene(parts.run, self.screen, gate, console, room_port, parts.environ)
        try:
            return await walk(scene, STEPS)
        finally:
            await gate.close()
            await console.close()


async def _first(
    work: Coroutine[Any, Any, int], supervisor: Supervisor, asked: asyncio.Future[signal.Signals]
) -> int | None:
    """Return the work's result, or None when a signal asked to stop before. Raises ChildDied."""
    working = asyncio.create_task(work, name="demo")
    dying = asyncio.create_task(supervisor.died(), name="deaths")
    ends: tuple[asyncio.Future[Any], ...] = (working, dying, asked)
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if working.done() and not _is_good(working):
            # A death makes the work fail as well, and sometimes a moment before it is noticed: it is the
            # cause.
            await asyncio.wait([dying], timeout=_DEATH_PATIENCE)
        if dying.done():
            await dying
        return None if asked.done() else await working
    finally:
        for task in (working, dying):
            task.cancel()
        await asyncio.gather(working, dying, return_exceptions=True)


def _is_good(working: asyncio.Task[int]) -> bool:
    return not working.cancelled() and working.exception() is None and working.result() == 0
