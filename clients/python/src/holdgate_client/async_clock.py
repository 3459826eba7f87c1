from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable

from holdgate_client.hold import Hold

Sleep = Callable[[float], Awaitable[None]]


class AsyncClock:
    """Pauses by letting others run."""

    def __init__(self, on_hold: Callable[[Hold], object] | None, sleep: Sleep) -> None:
        self._on_hold = on_hold
        self._sleep = sleep

    def now(self) -> float:
        """Return the seconds of a clock that never steps back."""
        return time.monotonic()

    async def pause(self, seconds: float) -> bool:
        """Pause; a task is stopped by cancelling it, and not here."""
        await self._sleep(seconds)
        return False

    async def tell(self, hold: Hold) -> None:
        """Tell the caller what is waited for."""
        if self._on_hold is not None:
            told = self._on_hold(hold)
            if inspect.isawaitable(told):
                await told
