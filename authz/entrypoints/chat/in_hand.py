"""Work that goes on after its answer was given, a bounded amount of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog

from authz.domain.errors import Overloaded

log = structlog.get_logger("holdgate.chat")

DRAIN_S: Final = 5.0

T = TypeVar("T")


class InHand:
    """Keeps what was begun until it is done. Use it from one event loop."""

    def __init__(self, most: int, turned_away: Callable[[], None]) -> None:
        """`turned_away` is called each time that there is too much to begin something."""
        self._most = most
        self._turned_away = turned_away
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def count(self) -> int:
        """How much is in hand now."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin some work. Raises Overloaded when too much is in hand already; it is not begun then."""
        if len(self._tasks) >= self._most:
            work.close()
            self._turned_away()
            msg = f"{self._most} messages from this chat are being answered already (HOLDGATE_CHAT_MESSAGES)"
            raise Overloaded(msg)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def leave(self, work: Coroutine[Any, Any, None]) -> bool:
        """Begin some work that nobody waits for; return False, with nothing begun, when too much is in hand."""
        try:
            task = self.start(work)
        except Overloaded:
            return False
        return not task.cancelled()

    async def drain(self, seconds: float = DRAIN_S) -> None:
        """Wait until all is done, so many seconds at most, and cancel what isn't."""
        left = set(self._tasks)
        if not left:
            return
        _, late = await asyncio.wait(left, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            # Only its type: the text may quote what somebody wrote.
            log.error("chat.failed", error=type(error).__name__)
