"""From a hold to its outcome over cards that are changed in place: who is asked, reminded, asked besides, and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.approver import Approver, ApproverKind
from authz.domain.events import EventType
from authz.domain.identity import Identity, Person
from authz.domain.requirement import Escalation
from authz.domain.ticket import State
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.living_cards import LivingCards
from authz.services.ports import Posting
from authz.services.reach import Reach
from authz.services.routes import Routes
from tests.support.people import SampleDirectory
from tests.support.requirements import requirement
from tests.support.sample_tickets import ISSUER, draft, vote
from tests.unit.delivery.doubles import Watched
from tests.unit.living_cards.chat import Chat

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

BOB = Identity(ISSUER, "bob-1")
ASKED = replace(
    requirement(Approver(ApproverKind.USER, user=BOB)),
    notify=("room",),
    remind_after_ms=100,
    escalations=(Escalation(200, "leads"),),
)


@dataclass
class Room(Chat):
    """A chat that keeps whom it called by name, and whom it told what in private."""

    called: list[tuple[EventType, str]] = field(default_factory=list)
    told: list[tuple[str, EventType, State]] = field(default_factory=list)

    async def post(self, place: str, posting: Posting) -> str:
        self.called += [(posting.type, person.id) for person in posting.designated]
        return await super().post(place, posting)

    async def follow_up(self, card: object, posting: Posting) -> None:
        self.called += [(posting.type, person.id) for person in posting.designated]
        await super().follow_up(card, posting)  # type: ignore[arg-type]

    async def tell(self, person: Person, posting: Posting) -> str:
        self.told.append((person.id, posting.type, posting.ticket.state_at(posting.now)))
        return "told"


@asynccontextmanager
async def notifier(
    settings: RedisSettings, store: RedisTicketStore, rooms: dict[str, Room]
) -> AsyncIterator[None]:
    """Run one with a chat for each route, of which `room` tells requesters."""
    book = RedisCardBook(store, settings)
    channels = {name: LivingCards(name, room, book, store) for name, room in rooms.items()}
    leading = {"default": (), "room": ("room",), "leads": ("leads",)}
    routes = Routes(dict(channels), leading, frozenset({"room"}), dict(channels))
    outbox, watched, stop = RedisOutbox(settings), Watched(), asyncio.Event()
    reviews = RedisReviewStore(store, settings)
    errands = Errands(outbox, store, reviews, routes, Reach(SampleDirectory()), watched)
    bounds = DeliverySettings(lease_s=settings.lease_ms / 1000, block_ms=100)
    running = asyncio.create_task(Delivery(outbox, errands, watched, bounds).run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
        await outbox.aclose()
    assert (watched.failures, watched.crashes, watched.burials) == ([], [], [])


async def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so; pytest's timeout bounds it."""
    while True:
        if reached():
            return
        await asyncio.sleep(0.02)


async def test_whoever_was_asked_sees_the_outcome_and_the_requester_hears_of_it_once(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    rooms = {"room": Room(), "leads": Room()}
    room, leads = rooms.values()
    async with notifier(settings, store, rooms):
        ticket = (await store.create(draft(requirement=ASKED))).ticket
        await until(lambda: bool(leads.shown))
        await until(lambda: EventType.TICKET_ESCALATED in room.below["room-1"])
        assert room.below["room-1"] == [EventType.TICKET_REMINDED, EventType.TICKET_ESCALATED]
        assert leads.below == {}
        assert room.called == [(EventType.TICKET_CREATED, "bob"), (EventType.TICKET_REMINDED, "bob")]
        assert (leads.called, room.told) == ([], [])
        assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        await until(lambda: bool(room.told and leads.below["room-1"]))
    assert {room.shown["room-1"], leads.shown["room-1"]} == {(2, State.APPROVED)}
    assert room.told == [("alice", EventType.TICKET_APPROVED, State.APPROVED)]
    assert leads.told == [], "only the route `room` says so"
    assert leads.below["room-1"][-1] is EventType.TICKET_APPROVED
