"""Who waits for which ticket, and is told when something happened to it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

RECENT_MAX: Final = 4096
"""Changes that are remembered for those who are just about to wait."""


class Changes:
    """Brings news of tickets to those in this process who wait for them. Use it from one event loop.

    A piece of news says only that it is time to look again, so one too many does no harm.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` gives seconds, and is the one that those who wait take their `since` from."""
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._recent: deque[tuple[float, str]] = deque(maxlen=RECENT_MAX)

    @contextmanager
    def watching(self, ticket_id: str, since: float) -> Iterator[asyncio.Event]:
        """Give an event that is set when something happens to the ticket, or has happened after `since`.

        Whoever looks again clears it first.
        """
        event = asyncio.Event()
        if self._changed(ticket_id, since):
            event.set()
        self._waiting.setdefault(ticket_id, set()).add(event)
        try:
            yield event
        finally:
            others = self._waiting[ticket_id]
            others.discard(event)
            if not others:
                del self._waiting[ticket_id]

    def tell(self, ticket_id: str) -> None:
        """Wake everybody who waits for this ticket."""
        self._recent.append((self._clock(), ticket_id))
        for event in self._waiting.get(ticket_id, ()):
            event.set()

    def tell_all(self) -> None:
        """Wake everybody: nobody knows what was missed."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    def _changed(self, ticket_id: str, since: float) -> bool:
        """Say whether it changed after `since`; also where that is more than what is remembered."""
        for at, changed in reversed(self._recent):
            if at < since:
                return False
            if changed == ticket_id:
                return True
        return len(self._recent) == RECENT_MAX
