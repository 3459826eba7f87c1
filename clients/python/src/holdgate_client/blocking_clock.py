from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from holdgate_client.hold import Hold


class Stop(Protocol):
    """What ends a wait from another thread; a threading.Event is one."""

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds, or until it is set; return whether it is."""
        ...


class BlockingClock:
    """Pauses by keeping the thread."""

    def __init__(self, on_hold: Callable[[Hold], object] | None, stop: Stop | None) -> None:
        self._on_hold = on_hold
        self._stop = stop

    def now(self) -> float:
        """Return the seconds of a clock that never steps back."""
        return time.monotonic()

    async def pause(self, seconds: float) -> bool:
        """Pause; return whether the caller wants to stop."""
        if self._stop is not None:
            return self._stop.wait(seconds)
        time.sleep(seconds)  # noqa: ASYNC251 - no event loop runs this, see `at_once`
        return False

    async def tell(self, hold: Hold) -> None:
        """Tell the caller what is waited for."""
        if self._on_hold is not None:
            self._on_hold(hold)
