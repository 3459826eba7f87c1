"""Takes notices from the outbox and posts them to the channels of their routes, at least once each.

A notice stays in the outbox under a lease until every channel of its route has it; which of them has it is
written down at once, so only a crash between a channel's answer and that note makes anybody see a card twice.
That is harmless: a decision is a compare-and-set, and a card says what is true when it is posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Protocol

from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.events import EventType
from authz.services.backoff import Backoff
from authz.services.bodies import kept_body
from authz.services.ports import (
    Alarm,
    Channel,
    ChannelFailed,
    DeliveryDelayed,
    DeliveryObserver,
    Loaded,
    Notice,
    Outbox,
    Posting,
)
from authz.services.review_port import Reviewed

DEFAULT_ROUTE = "default"
_OF_REVIEWS = {EventType.BREAKGLASS_USED, EventType.BREAKGLASS_REVIEWED}


class TicketReader(Protocol):
    """What delivery needs of a TicketStore."""

    async def load(self, ticket_id: str) -> Loaded | None:
        """See TicketStore."""
        ...

    async def body(self, ticket_id: str) -> bytes | None:
        """See TicketStore."""
        ...


class ReviewReader(Protocol):
    """What delivery needs of a ReviewStore."""

    async def review(self, review_id: str) -> Reviewed | None:
        """See ReviewStore."""
        ...


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """The bounds. `lease_s` is the outbox's own, `post_s` is for one channel, `drain_s` for a stop.

    After `attempts` failures a notice is buried. One that was taken twice as often and never settled is
    buried as well: whatever happens to its workers would go on happening.
    """

    in_hand: int = 32
    attempts: int = 10
    lease_s: float = 30.0
    post_s: float = 60.0
    block_ms: int = 1000
    drain_s: float = 10.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=1.0, max_s=300.0))
    store_backoff: Backoff = field(default_factory=lambda: Backoff(base_s=0.1, max_s=2.0))


@dataclass(frozen=True, slots=True)
class Routes:
    """Channels by name, and the names of the channels of each route. There is a route `default`."""

    channels: Mapping[str, Channel]
    routes: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        """Raise ValueError for a route to a channel that doesn't exist, and where there is no default.

        A route may be empty: its tickets are on the page and the command line, and nobody is told.
        """
        if DEFAULT_ROUTE not in self.routes:
            msg = f"routes: {DEFAULT_ROUTE!r} is missing"
            raise ValueError(msg)
        for route, names in self.routes.items():
            for name in names:
                if name not in self.channels:
                    msg = f"routes: {route!r} names the channel {name!r}, which the settings don't define"
                    raise ValueError(msg)


class Delivery:
    """One worker. Several, in several processes, share one outbox."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        outbox: Outbox,
        tickets: TicketReader,
        reviews: ReviewReader,
        routes: Routes,
        observer: DeliveryObserver,
        settings: DeliverySettings,
    ) -> None:
        self._outbox = outbox
        self._tickets = tickets
        self._reviews = reviews
        self._routes = routes
        self._observer = observer
        self._settings = settings
        self._in_hand: dict[asyncio.Task[None], Notice] = {}
        self._last_of: dict[str, asyncio.Task[None]] = {}

    @property
    def in_hand(self) -> int:
        """How many notices are being delivered now, at most `settings.in_hand`."""
        return len(self._in_hand)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then take nothing more, and finish what is in hand within `drain_s`.

        What isn't finished by then is let go: its lease runs out and another worker takes it.
        """
        stopping = asyncio.create_task(stop.wait())
        renewing = asyncio.create_task(self._renew())
        try:
            await self._take(stopping)
            if self._in_hand:
                await asyncio.wait(self._in_hand, timeout=self._settings.drain_s)
        finally:
            left = [stopping, renewing, *self._in_hand]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _take(self, stopping: asyncio.Task[bool]) -> None:
        failures = 0
        while not stopping.done():
            room = self._settings.in_hand - len(self._in_hand)
            if room <= 0:
                await asyncio.wait({stopping, *self._in_hand}, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                notices = await self._outbox.take(room, self._settings.block_ms)
            except (StoreUnavailable, RecordUnreadable) as error:
                failures += 1
                self._observer.store_failed("taking notices", error)
                await asyncio.wait({stopping}, timeout=self._settings.store_backoff.delay(failures))
                continue
            failures = 0
            held = {notice.entry for notice in self._in_hand.values()}
            for notice in notices:
                if notice.entry not in held:  # else a lease of ours ran out, and taking it again renewed it
                    self._start(notice)

    def _start(self, notice: Notice) -> None:
        """Deliver in a task of its own, but after an earlier notice of the same ticket that is in hand."""
        before = self._last_of.get(notice.ticket_id)
        task = asyncio.create_task(self._deliver(notice, before))
        self._in_hand[task] = notice
        self._last_of[notice.ticket_id] = task
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        notice = self._in_hand.pop(task)
        if self._last_of.get(notice.ticket_id) is task:
            del self._last_of[notice.ticket_id]

    async def _renew(self) -> None:
        """Keep the leases of what is in hand. A failure costs at worst a second card, so it is only told."""
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            entries = [notice.entry for notice in self._in_hand.values()]
            if not entries:
                continue
            try:
                await self._outbox.renew(entries)
            except StoreUnavailable as error:
                self._observer.store_failed("renewing leases", error)

    async def _deliver(self, notice: Notice, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await self._settle(notice)
        except StoreUnavailable as error:
            # Nothing is lost: the lease runs out, and the notice is taken again.
            self._observer.store_failed(f"settling {notice.type.value}", error)
        except Exception as error:  # noqa: BLE001 a notice that can't be handled must not stop the others
            self._observer.crashed(notice, error)

    async def _settle(self, notice: Notice) -> None:
        if notice.attempt > 2 * self._settings.attempts:
            await self._bury(notice, f"taken {notice.attempt - 1} times and never settled")
            return
        try:
            posting = await self._posting(notice)
        except RecordUnreadable as error:
            await self._bury(notice, f"what it is about can't be read: {error}")
            return
        if posting is None:
            await self._bury(notice, "what it is about is not there any more")
            return
        channels = self._wanted(notice, posting)
        receipts = dict(await self._outbox.receipts(notice)) if notice.attempt > 1 else {}
        missing = [name for name in channels if name not in receipts]
        post = self._post if len(missing) == 1 else self._post_and_note
        results = await asyncio.gather(*(post(notice, name, posting) for name in missing))
        failed: dict[str, ChannelFailed] = {}
        for name, result in zip(missing, results, strict=True):
            if isinstance(result, str):
                receipts[name] = result
            else:
                failed[name] = result
        if failed:
            await self._try_later_or_bury(notice, failed)
        else:
            await self._outbox.delivered(notice, receipts)

    async def _posting(self, notice: Notice) -> Posting | Alarm | None:
        if notice.type in _OF_REVIEWS:
            reviewed = await self._reviews.review(notice.ticket_id)
            return None if reviewed is None else Alarm(notice.type, reviewed.review, reviewed.now, notice.rev)
        loaded = await self._tickets.load(notice.ticket_id)
        if loaded is None:
            return None
        # What comes later follows a card that showed it.
        created = notice.type is EventType.TICKET_CREATED
        body = await kept_body(self._tickets, loaded.ticket) if created else None
        return Posting(notice.type, loaded.ticket, loaded.now, body, notice.rev)

    def _wanted(self, notice: Notice, posting: Posting | Alarm) -> list[str]:
        """Return the names of the routes' channels that post something for this event."""
        for route in _routes_of(posting):
            if route not in self._routes.routes:
                self._observer.unknown_route(notice, route)
        names = self._channels_of(_routes_of(posting))
        channels = self._routes.channels
        return [name for name in dict.fromkeys(names) if notice.type in channels[name].events]

    def _channels_of(self, routes: Sequence[str]) -> list[str]:
        every = self._routes.routes
        return [name for route in routes for name in every.get(route, every[DEFAULT_ROUTE])]

    def _addressed(self, name: str, posting: Posting | Alarm) -> Posting | Alarm:
        """Return the posting for one channel: a copy where no route that leads there is asked to decide."""
        if isinstance(posting, Alarm):
            return posting
        asked = self._channels_of(posting.ticket.draft.requirement.notify)
        return posting if name in asked else replace(posting, copied=True)

    async def _post(self, notice: Notice, name: str, posting: Posting | Alarm) -> str | ChannelFailed:
        """Post to one channel; return its receipt or what went wrong. One channel's trouble is no other's."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        posting = self._addressed(name, posting)
        failure: ChannelFailed
        try:
            async with asyncio.timeout(self._settings.post_s):
                channel = self._routes.channels[name]
                told = channel.alarm(posting) if isinstance(posting, Alarm) else channel.send(posting)
                receipt = await told
        except ChannelFailed as error:
            failure = error
        except TimeoutError:
            failure = DeliveryDelayed(f"no answer in {self._settings.post_s:g} s")
        except Exception as error:  # noqa: BLE001 a channel's bug must not stop the other channels' cards
            # Only its type: the text may hold an address.
            failure = DeliveryDelayed(f"the channel failed with {type(error).__name__}")
        else:
            self._observer.posted(notice, name, loop.time() - begun)
            return receipt
        self._observer.failed(notice, name, failure)
        return failure

    async def _post_and_note(
        self, notice: Notice, name: str, posting: Posting | Alarm
    ) -> str | ChannelFailed:
        """Post, and write down at once that this channel has it: the others may keep the notice for long."""
        result = await self._post(notice, name, posting)
        if isinstance(result, str):
            try:
                await self._outbox.accepted(notice, name, result)
            except StoreUnavailable as error:
                self._observer.store_failed("noting an accepted card", error)
        return result

    async def _try_later_or_bury(self, notice: Notice, failed: Mapping[str, ChannelFailed]) -> None:
        why = "; ".join(f"{name}: {error}" for name, error in sorted(failed.items()))
        delayed = [error for error in failed.values() if isinstance(error, DeliveryDelayed)]
        tried = len(delayed) < len(failed) or any(error.tried for error in delayed)
        if not delayed or (tried and notice.attempt >= self._settings.attempts):
            await self._bury(notice, why)
            return
        asked_for = max(error.after_s for error in delayed)
        after_s = self._settings.backoff.delay(notice.attempt, asked_for)
        await self._outbox.retry(notice, ceil(after_s * 1000), why, counted=tried)

    async def _bury(self, notice: Notice, why: str) -> None:
        await self._outbox.bury(notice, why)
        self._observer.buried(notice, why)


def _routes_of(posting: Posting | Alarm) -> tuple[str, ...]:
    if isinstance(posting, Alarm):
        terms = posting.review.draft.break_glass
        return (*terms.notify, *terms.cc)
    requirement = posting.ticket.draft.requirement
    return (*requirement.notify, *requirement.cc)
