"""How fast one webhook may be posted to, and until when not at all."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets callers through evenly spaced, in the order they came; `pause` shuts it for a while.

    Even spacing instead of bursts: the vendor counts arrivals, and the network bunches up what left apart.
    """

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._free_at = 0.0
        self._shut_until = 0.0
        self._queue = asyncio.Lock()

    async def turn(self) -> float:
        """Wait for one's turn and return 0, or at once the seconds that the pause still lasts."""
        async with self._queue:
            loop = asyncio.get_running_loop()
            shut_for = self._shut_until - loop.time()
            if shut_for > 0:
                return shut_for
            await asyncio.sleep(max(0.0, self._free_at - loop.time()))
            # Somebody may have been told to pause while this one waited for its turn.
            shut_for = self._shut_until - loop.time()
            if shut_for > 0:
                return shut_for
            self._free_at = loop.time() + self._interval
            return 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody through for so many seconds from now; a longer pause that runs already stays."""
        self._shut_until = max(self._shut_until, asyncio.get_running_loop().time() + seconds)
