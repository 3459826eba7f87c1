"""A delivery worker on doubles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from authz.domain.events import EventType
from authz.domain.ticket import Ticket
from authz.services.backoff import Backoff
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.ports import Channel, Directory, Notice
from authz.services.reach import Reach
from authz.services.routes import Routes
from authz.services.teller import Teller
from tests.support.memory_reviews import MemoryReviews
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import CREATED_AT, ticket
from tests.unit.delivery.doubles import FakeChannel, MemoryOutbox, MemoryTickets, Watched

AT_ONCE = Backoff(0.0, 0.0, jitter=lambda most: most)
SETTINGS = DeliverySettings(
    in_hand=4,
    attempts=3,
    lease_s=0.06,
    post_s=5.0,
    wait_s=0.01,
    block_ms=10,
    drain_s=5.0,
    backoff=AT_ONCE,
    store_backoff=AT_ONCE,
)


def notice(
    number: int = 0, kind: EventType = EventType.TICKET_CREATED, attempt: int = 1, of: Ticket | None = None
) -> Notice:
    return Notice(f"1-{number}", kind, (of or ticket(number)).id, 1, attempt)


class Rig:
    """A worker on doubles."""

    def __init__(
        self,
        *notices: Notice,
        channels: dict[str, FakeChannel] | None = None,
        routes: dict[str, tuple[str, ...]] | None = None,
        settings: DeliverySettings = SETTINGS,
        directory: Directory | None = None,
        tell_requester: frozenset[str] = frozenset(),
    ) -> None:
        self.outbox = MemoryOutbox(*notices)
        self.tickets = MemoryTickets(*(ticket(n) for n in range(20)), now=CREATED_AT + 1)
        self.channels = channels or {"teams": FakeChannel()}
        self.watched = Watched()
        known: dict[str, Channel] = dict(self.channels)
        tellers = {name: channel for name, channel in self.channels.items() if isinstance(channel, Teller)}
        wiring = Routes(known, routes or {"default": tuple(known)}, tell_requester, tellers)
        self.reviews = MemoryReviews()
        reach = Reach(directory or SampleDirectory())
        errands = Errands(self.outbox, self.tickets, self.reviews, wiring, reach, self.watched)
        self.delivery = Delivery(self.outbox, errands, self.watched, settings)
        self.stop = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.delivery.run(self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            await task

    async def renewals(self, count: int) -> None:
        """Wait until leases were renewed so often more: time passes, and the worker is awake."""
        least = len(self.outbox.renewed) + count
        await self.outbox.until(lambda: len(self.outbox.renewed) >= least)

    async def run_until(self, reached: Callable[[], bool]) -> None:
        async with self.running():
            await self.outbox.until(reached)
