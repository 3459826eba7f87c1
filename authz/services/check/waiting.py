"""Keeping a check open until the last vote on its ticket, or until the client's patience ends (RFC 7240)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from authz.domain.prefer import PREFER, Preferences, preferences
from authz.services.changes import Changes
from authz.services.check.awaited import Awaited
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.preference import asynchronous, honoured
from authz.services.waiting_places import WaitingPlaces

LOOKS_AT_ONCE: Final = 32
"""Released checks that are judged at the same time: many may be released by one outage that ends."""

LOOKS_MAX: Final = 256
"""Looks at one ticket, and at those that take its place: more than it can have votes and withdrawals."""

_CLOCKS_APART_S: Final = 0.005
"""Looking a moment too early at a deadline would cost a second look."""

_LEAST_S: Final = 0.05
"""A shorter wait is none: a route of Envoy's that isn't made for waiting leaves about as much."""


class WaitEnd(StrEnum):
    """How a wait ended, for metrics."""

    RELEASED = "released"
    TIMED_OUT = "timed_out"
    DRAINED = "drained"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


class WaitObserver(Protocol):
    """Is told about waits, for metrics. Must not raise."""

    def waiting(self, number: int) -> None:
        """So many checks wait now."""
        ...

    def waited(self, end: WaitEnd, seconds: float) -> None:
        """A wait has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitLimits:
    """`longest` and `judging` are in seconds, the latter for each look.

    `waiters` may wait at once, and of them `per_requester` for one requester.
    """

    longest: float
    judging: float
    waiters: int
    per_requester: int


class Waiting:
    """Waits with those checks whose client or whose rule wants that. Use it from one event loop."""

    def __init__(
        self,
        again: Callable[[CheckCall, str], Awaitable[Outcome]],
        changes: Changes,
        limits: WaitLimits,
        observer: WaitObserver,
    ) -> None:
        """`again` judges a call once more for a ticket; `changes` says when that may have another outcome."""
        self._again = again
        self._changes = changes
        self._limits = limits
        self._observer = observer
        self._places = WaitingPlaces(limits.waiters, limits.per_requester, observer.waiting)
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._draining = False

    @property
    def waiters(self) -> int:
        """How many checks wait now."""
        return self._places.taken

    def drain(self) -> None:
        """Answer everybody who waits as things are, and let nobody wait any more."""
        self._draining = True
        self._changes.tell_all()

    async def wait(self, call: CheckCall, outcome: Outcome) -> Outcome:
        """Return the last outcome of this check: at the last vote, or when no time is left.

        At once where nobody wants to wait, or where as many wait already as may. A look that fails raises what
        judging raises. Cancelled, it has redeemed nothing that isn't recorded.
        """
        target = outcome.awaited
        if target is None:
            return outcome
        wanted = preferences(call.request.values(PREFER))
        seconds = self._seconds(call, wanted, target)
        if seconds < _LEAST_S:
            return asynchronous(outcome, wanted)
        with self._places.take(target.whose) as place:
            if not place:
                self._observer.waited(WaitEnd.REFUSED, 0.0)
                return outcome
            return honoured(await self._waited(call, outcome, seconds), wanted, seconds)

    def _seconds(self, call: CheckCall, wanted: Preferences, target: Awaited) -> float:
        """Return how long this check may wait; 0 where it isn't to."""
        if self._draining:
            return 0.0
        if wanted.wait is not None:
            seconds = float(wanted.wait)
        elif wanted.respond_async or target.approved:
            # Who didn't ask to wait gets an approved ticket told, as without a wait; to redeem, it is presented.
            return 0.0
        else:
            seconds = target.wait_ms / 1000
        # The last look has to fit in before Envoy gives up.
        left = call.until - call.clock() - self._limits.judging
        return min(seconds, self._limits.longest, left)

    async def _waited(self, call: CheckCall, outcome: Outcome, seconds: float) -> Outcome:
        started = call.clock()
        end, until = WaitEnd.CANCELLED, started + seconds
        try:
            end, outcome = await self._until_settled(call, outcome, until)
        except Exception:
            end = WaitEnd.FAILED
            raise
        finally:
            self._observer.waited(end, call.clock() - started)
        return outcome

    async def _until_settled(
        self, call: CheckCall, outcome: Outcome, until: float
    ) -> tuple[WaitEnd, Outcome]:
        """Look at the ticket at each change, and once more at the end: news may get lost."""
        since = call.since
        for _ in range(LOOKS_MAX):
            target = outcome.awaited
            if target is None:
                return WaitEnd.RELEASED, outcome
            if call.clock() >= until:
                return WaitEnd.TIMED_OUT, outcome
            # An approved one was released before its client came to wait.
            if not target.approved:
                await self._news(call, target, since, until)
            if self._draining:
                return WaitEnd.DRAINED, outcome
            since = call.clock()
            async with self._looks:
                outcome = await self._look(call, target.ticket_id)
        return WaitEnd.TIMED_OUT, outcome

    async def _news(self, call: CheckCall, target: Awaited, since: float, until: float) -> None:
        """Return when something happened to the ticket after `since`, and when its time or the client's is over."""
        # A deadline that passes is no news: nobody may be there to write it down.
        ends = min(until, call.clock() + target.left_ms / 1000 + _CLOCKS_APART_S)
        with self._changes.watching(target.ticket_id, since) as changed, suppress(TimeoutError):
            async with asyncio.timeout(ends - call.clock()):
                await changed.wait()

    async def _look(self, call: CheckCall, ticket_id: str) -> Outcome:
        deadline = min(call.until, call.clock() + self._limits.judging)
        async with asyncio.timeout(deadline - call.clock()):
            return await self._again(replace(call, deadline=deadline), ticket_id)
