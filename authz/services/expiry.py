"""Ends tickets and grants whose deadline has passed, so that the outcome is posted without anybody asking.

Nothing depends on it for safety: whoever reads a ticket compares its deadline with Redis's time. It makes the
end an event.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.services.backoff import Backoff


class Deadlines(Protocol):
    """What expiry needs of a TicketStore."""

    async def expire_due(self, limit: int) -> int:
        """See TicketStore."""
        ...


class ExpiryObserver(Protocol):
    """Is told what expiry does, for metrics and logs. Must not raise."""

    def expired(self, count: int) -> None:
        """So many tickets were ended in one go."""
        ...

    def expiry_failed(self, error: Exception) -> None:
        """Nothing could be ended just now; it is tried again."""
        ...


@dataclass(frozen=True, slots=True)
class ExpirySettings:
    """Every `interval_s` at most `batch` tickets are ended, and again at once while that many were due."""

    interval_s: float = 0.5
    batch: int = 100
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=0.1, max_s=1.0))


class Expiry:
    """The loop of one process. Several may run: ending a ticket twice has no effect."""

    def __init__(self, tickets: Deadlines, observer: ExpiryObserver, settings: ExpirySettings) -> None:
        self._tickets = tickets
        self._observer = observer
        self._settings = settings

    async def run(self, stop: asyncio.Event) -> None:
        """End what is due until `stop` is set; a failing Redis is asked again after a bounded wait."""
        stopping = asyncio.create_task(stop.wait())
        failures = 0
        try:
            while not stopping.done():
                try:
                    count = await self._tickets.expire_due(self._settings.batch)
                except (StoreUnavailable, RecordUnreadable) as error:
                    failures += 1
                    self._observer.expiry_failed(error)
                    await asyncio.wait({stopping}, timeout=self._settings.backoff.delay(failures))
                    continue
                failures = 0
                if count:
                    self._observer.expired(count)
                # A full batch means that more may be due. Stopping is looked at in between either way.
                pause = 0.0 if count >= self._settings.batch else self._settings.interval_s
                await asyncio.wait({stopping}, timeout=pause)
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
