"""How fast one webhook may be posted to, and until when not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WINDOW_S = 1.05
"""The vendor's second, and a little more, because its clock and ours are not the same."""

PATIENCE_S = 20.0
"""How long a post waits for its turn. Longer than that it had better wait in the outbox."""


class Pace:
    """At most `per_second` posts arrive in any second, whatever the network does to them on the way.

    A post holds its place until a second after its answer. It arrived before it was answered, so the post that
    takes its place arrives at least a second later; that can't be said of posts that are only sent apart.
    """

    def __init__(self, per_second: int) -> None:
        self._places = asyncio.Semaphore(per_second)
        self._shut_until = 0.0
        self._doubtful = False
        self._probe = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Wait for a place, in the order of coming, and hold it inside.

        Gives 0, or the seconds to come back after, in which case nothing may be posted: while a pause lasts, and
        when no place got free in PATIENCE_S. After a pause the first one goes alone: the others would be posted
        before its answer can ask for another pause.
        """
        posted = False
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._places.acquire()
        except TimeoutError:
            yield WINDOW_S
            return
        try:
            async with self._alone_in_doubt():
                shut_for = self._shut_for()
                posted = not shut_for
                yield shut_for
        finally:
            if posted:
                asyncio.get_running_loop().call_later(WINDOW_S, self._places.release)
            else:
                self._places.release()

    def pause(self, seconds: float) -> None:
        """Let nobody through for so many seconds from now; a longer pause that runs already stays."""
        if seconds > self._shut_for():
            self._shut_until = asyncio.get_running_loop().time() + seconds
            self._doubtful = True

    @asynccontextmanager
    async def _alone_in_doubt(self) -> AsyncIterator[None]:
        if not self._doubtful:
            yield
            return
        async with self._probe:
            try:
                yield
            finally:
                self._doubtful = self._shut_for() > 0

    def _shut_for(self) -> float:
        return max(0.0, self._shut_until - asyncio.get_running_loop().time())
