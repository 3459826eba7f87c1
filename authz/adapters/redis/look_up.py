"""Looking something up once for everybody who needs it at the same time, and not too often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from redis.exceptions import RedisError

PAUSE_S: Final = 0.1
"""Between two look-ups: an outage of which every call learns must not become a flood of questions."""

LONGEST_S: Final = 1.0
"""Longer than a call may take: those who wait give up at their own deadline, and the next ones have the result."""


class LookUp:
    """Runs `work` for whoever asks; those who come while it runs, or just after, get the same result."""

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        good_for_s: float | None = None,
        longest_s: float | None = LONGEST_S,
    ) -> None:
        """Nothing runs yet. A result is good for `good_for_s` seconds, by default as long as a failure, PAUSE_S.

        `longest_s` bounds the work, None for work that is bounded by itself.
        """
        self._work = work
        self._good_for = good_for_s
        self._longest = longest_s
        self._task: asyncio.Task[None] | None = None
        self._ended = float("-inf")

    async def fresh(self) -> None:
        """Return when it has run. Raises what the work raises: RedisError or OSError, TimeoutError among them."""
        loop = asyncio.get_running_loop()
        if self._task is None or (self._task.done() and loop.time() - self._ended >= self._pause()):
            self._task = asyncio.create_task(self._run())
            # Everybody who waits may have gone by then, and nobody would look at what it raised.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        # One caller's deadline must not end what others wait for.
        await asyncio.shield(self._task)

    async def aclose(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _pause(self) -> float:
        failed = self._task is None or self._task.cancelled() or self._task.exception() is not None
        return PAUSE_S if failed or self._good_for is None else self._good_for

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._longest):
                await self._work()
        finally:
            self._ended = asyncio.get_running_loop().time()


async def refreshed(look_up: LookUp, *, needed: bool) -> None:
    """Look up; what fails matters only where it is `needed`, because nothing was known before."""
    try:
        await look_up.fresh()
    except (RedisError, OSError):
        if needed:
            raise
