"""In-memory doubles of delivery's ports. They obey the ports' words and nothing more."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.domain.ticket import Ticket
from authz.services.ports import Alarm, ChannelFailed, Loaded, Notice, Posting

EVERY_EVENT = frozenset(EventType)


class MemoryOutbox:
    """Notices in a list; `down` makes every call fail as an unreachable Redis does."""

    def __init__(self, *notices: Notice) -> None:
        self.waiting = list(notices)
        self.leased: dict[str, Notice] = {}
        self.done: dict[str, Mapping[str, str]] = {}
        self.retries: list[tuple[Notice, int, str, bool]] = []
        self.buried: dict[str, str] = {}
        self.noted: dict[str, dict[str, str]] = defaultdict(dict)
        self.scheduled: dict[tuple[str, EventType, int], FollowUp] = {}
        self.renewed: list[str] = []
        self.takes = 0
        self.down = False
        self.changed = asyncio.Condition()

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        self.takes += 1
        self._reach()
        if not self.waiting:
            async with self.changed:
                await _at_most(self.changed.wait(), block_ms / 1000)
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        self.leased |= {notice.entry: notice for notice in taken}
        return taken

    async def renew(self, entries: Sequence[str]) -> None:
        self._reach()
        self.renewed += entries
        await self._tell()

    async def accepted(self, notice: Notice, channel: str, receipt: str) -> None:
        self._reach()
        self.noted[notice.entry][channel] = receipt

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        self._reach()
        return dict(self.noted[notice.entry])

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        self._reach()
        self._release(notice)
        self.done[notice.entry] = dict(receipt)
        await self._tell()

    async def schedule(self, notice: Notice, due: Sequence[FollowUp]) -> None:
        self._reach()
        for each in due:
            self.scheduled.setdefault((notice.ticket_id, each.type, each.rev), each)

    async def retry(self, notice: Notice, after_ms: int, why: str, *, counted: bool = True) -> None:
        self._reach()
        self._release(notice)
        self.retries.append((notice, after_ms, why, counted))
        attempt = notice.attempt + (1 if counted else 0)
        self.noted[f"{notice.entry}+"] = self.noted[notice.entry]
        self.waiting.append(replace(notice, entry=f"{notice.entry}+", attempt=attempt, again=True))
        await self._tell()

    async def bury(self, notice: Notice, why: str) -> None:
        self._reach()
        self._release(notice)
        self.buried[notice.entry] = why
        await self._tell()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so; pytest's timeout bounds it."""
        async with self.changed:
            await self.changed.wait_for(reached)

    def _reach(self) -> None:
        if self.down:
            raise StoreUnavailable("down")

    def _release(self, notice: Notice) -> None:
        assert self.leased.pop(notice.entry, None) is not None, "settled without being leased"

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


class MemoryTickets:
    """Tickets by id at a fixed time, and deadlines that pass as a test says."""

    def __init__(self, *tickets: Ticket, now: int = 0) -> None:
        self.by_id = {ticket.id: ticket for ticket in tickets}
        self.bodies: dict[str, bytes] = {}
        self.now = now
        self.fails: Exception | None = None
        self.due: list[int] = []
        self.asked: list[int] = []
        self.on_expire: Callable[[], None] = lambda: None

    async def load(self, ticket_id: str) -> Loaded | None:
        if self.fails is not None:
            raise self.fails
        ticket = self.by_id.get(ticket_id)
        return None if ticket is None else Loaded(ticket, self.now)

    async def body(self, ticket_id: str) -> bytes | None:
        return self.bodies.get(ticket_id)

    async def expire_due(self, limit: int) -> int:
        self.asked.append(limit)
        self.on_expire()
        if self.fails is not None:
            raise self.fails
        return self.due.pop(0) if self.due else 0


@dataclass
class FakeChannel:
    """Answers with what `answers` holds, one by one, then with a receipt. `gate` keeps posts waiting."""

    answers: list[Exception] = field(default_factory=list)
    events: frozenset[EventType] = EVERY_EVENT
    gate: asyncio.Event | None = None
    postings: list[Posting] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    now: int = 0
    most: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, posting: Posting) -> str:
        self.postings.append(posting)
        return await self._answer()

    async def alarm(self, alarm: Alarm) -> str:
        self.alarms.append(alarm)
        return await self._answer()

    async def _answer(self) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        self.begun.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
            if self.answers:
                raise self.answers.pop(0)
            return f"receipt-{len(self.postings)}"
        finally:
            self.now -= 1


@dataclass
class Watched:
    """An observer that keeps what it was told."""

    posts: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    burials: list[tuple[str, str]] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    unmentioned: list[str] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)
    store_failures: list[str] = field(default_factory=list)
    alerted: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def posted(self, notice: Notice, channel: str, seconds: float) -> None:
        assert seconds >= 0
        self.posts.append((notice.entry, channel))

    def failed(self, notice: Notice, channel: str, error: ChannelFailed) -> None:
        self.failures.append((channel, str(error)))
        assert notice.entry

    def buried(self, notice: Notice, why: str) -> None:
        self.burials.append((notice.entry, why))
        self.alerted.set()

    def unknown_route(self, notice: Notice, route: str) -> None:
        assert notice.entry
        self.routes.append(route)

    def directory_failed(self, notice: Notice, error: Exception) -> None:
        assert isinstance(error, Exception)
        self.unmentioned.append(notice.entry)

    def crashed(self, notice: Notice, error: Exception) -> None:
        assert notice.entry
        self.crashes.append(error)
        self.told.set()

    def store_failed(self, doing: str, error: Exception) -> None:
        assert isinstance(error, Exception)
        self.store_failures.append(doing)
        self.told.set()


async def _at_most(waiting: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return
