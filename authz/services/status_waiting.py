"""Telling the state of a ticket when it is decided, or when the client's patience ends (RFC 7240 section 4.3)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Final

from authz.domain.answer import Respond
from authz.domain.prefer import PREFERENCE_APPLIED, Preferences
from authz.services.changes import Changes
from authz.services.check.awaited import Awaited, awaited
from authz.services.check.waiting import WaitEnd, WaitLimits, WaitObserver
from authz.services.ports import Loaded
from authz.services.ticket_status import TicketStatus
from authz.services.waiting_places import WaitingPlaces

LOOKS_AT_ONCE: Final = 32
"""Tickets that are read again at the same time: many may be woken by one outage that ends."""

LOOKS_MAX: Final = 256
"""Looks at one ticket: more than it can have votes and withdrawals."""

_CLOCKS_APART_S: Final = 0.005


class StatusWaiting:
    """Waits with clients that ask for the state of a pending ticket and prefer to wait. Use it from one event loop."""

    def __init__(
        self,
        status: TicketStatus,
        changes: Changes,
        limits: WaitLimits,
        observer: WaitObserver,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`changes` says when the state may be another one; `clock` gives seconds, and is the one of `changes`."""
        self._status = status
        self._changes = changes
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._places = WaitingPlaces(limits.waiters, limits.per_requester, observer.waiting)
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._draining = False

    def drain(self) -> None:
        """Answer everybody who waits as things are, and let nobody wait any more."""
        self._draining = True
        self._changes.tell_all()

    async def of(self, ticket_id: str, wanted: Preferences) -> Respond:
        """Answer as `TicketStatus.of`, but once the ticket isn't pending any more, or no time is left.

        At once where the client doesn't ask to wait, or where as many wait already as may. Raises as that does, also
        when a later look fails.
        """
        since = self._clock()
        loaded = await self._status.look(ticket_id)
        target = _undecided(loaded)
        seconds = min(float(wanted.wait or 0), self._limits.longest)
        if loaded is None or target is None or seconds <= 0 or self._draining:
            return self._status.told(loaded)
        with self._places.take(target.whose) as place:
            if not place:
                self._observer.waited(WaitEnd.REFUSED, 0.0)
                return self._status.told(loaded)
            answer = self._status.told(await self._waited(loaded, since, seconds))
        applied = (PREFERENCE_APPLIED, f"wait={math.floor(seconds)}")
        return replace(answer, headers=(*answer.headers, applied))

    async def _waited(self, first: Loaded, since: float, seconds: float) -> Loaded | None:
        started = self._clock()
        end = WaitEnd.CANCELLED
        try:
            end, loaded = await self._until_decided(first, since, started + seconds)
        except Exception:
            end = WaitEnd.FAILED
            raise
        finally:
            self._observer.waited(end, self._clock() - started)
        return loaded

    async def _until_decided(
        self, first: Loaded, since: float, until: float
    ) -> tuple[WaitEnd, Loaded | None]:
        """Look at the ticket at each change, and once more at the end: news may get lost."""
        loaded: Loaded | None = first
        for _ in range(LOOKS_MAX):
            target = _undecided(loaded)
            if target is None:
                return WaitEnd.RELEASED, loaded
            if self._clock() >= until:
                break
            await self._news(target, since, until)
            if self._draining:
                return WaitEnd.DRAINED, loaded
            since = self._clock()
            async with self._looks:
                loaded = await self._status.look(target.ticket_id)
        return WaitEnd.TIMED_OUT, loaded

    async def _news(self, target: Awaited, since: float, until: float) -> None:
        """Return when something happened to the ticket after `since`, and when its time or the client's is over."""
        # A deadline that passes is no news: nobody may be there to write it down.
        ends = min(until, self._clock() + target.left_ms / 1000 + _CLOCKS_APART_S)
        with self._changes.watching(target.ticket_id, since) as changed, suppress(TimeoutError):
            async with asyncio.timeout(ends - self._clock()):
                await changed.wait()


def _undecided(loaded: Loaded | None) -> Awaited | None:
    """Return what there is to wait for: somebody's vote on a ticket that is pending."""
    target = None if loaded is None else awaited(loaded.ticket, loaded.now)
    return None if target is None or target.approved else target
