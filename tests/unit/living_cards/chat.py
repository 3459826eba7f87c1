"""A chat, a card book and a ticket in memory, for what changes cards in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.domain.ticket import State, Ticket
from authz.services.card_ports import Card, CardGone
from authz.services.digest import Digest
from authz.services.living_cards import LivingCards
from authz.services.ports import Alarm, Loaded, Posting

Happening = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    return None


@dataclass
class Chat:
    """`shown` is what each card says, by its id: (rev, state). `broken` places raise."""

    where: Sequence[str] = ("room",)
    shown: dict[str, tuple[int, State]] = field(default_factory=dict)
    below: dict[str, list[EventType]] = field(default_factory=lambda: defaultdict(list))
    bodies: list[bytes | None] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    events: frozenset[EventType] = frozenset(EventType)
    after_post: Happening = _nothing
    before_update: Happening = _nothing
    number: int = 0

    async def places(self, posting: Posting) -> Sequence[str]:  # noqa: ARG002 - the port's
        return self.where

    async def post(self, place: str, posting: Posting) -> str:
        self.calls.append(f"post {place}")
        self._fail(place)
        self.number += 1
        reference = f"{place}-{self.number}"
        self._show(reference, posting)
        await self.after_post()
        return reference

    async def update(self, card: Card, posting: Posting) -> None:
        self.calls.append(f"update {card.reference}")
        await self.before_update()
        self._fail(card.place)
        self._there(card)
        self._show(card.reference, posting)

    async def follow_up(self, card: Card, posting: Posting) -> None:
        self.calls.append(f"follow {card.reference}")
        self._fail(card.place)
        self._there(card)
        self.below[card.reference].append(posting.type)

    async def tell(self, person: Person, posting: Posting) -> str:  # noqa: ARG002 - the port's
        return f"told {person.id}"

    async def alarm(self, alarm: Alarm) -> str:
        return f"alarm {alarm.rev}"

    async def digest(self, digest: Digest, reference: str) -> str:
        return reference or f"digest of {digest.waiting}"

    def _show(self, reference: str, posting: Posting) -> None:
        self.shown[reference] = (posting.ticket.rev, posting.ticket.state_at(posting.now))
        self.bodies.append(posting.body)

    def _there(self, card: Card) -> None:
        if card.reference not in self.shown:
            raise CardGone("somebody deleted it")

    def _fail(self, place: str) -> None:
        if place in self.broken:
            raise self.broken[place]


@dataclass
class Book:
    """A CardBook in a dictionary."""

    kept: dict[tuple[str, str, str, str], Card] = field(default_factory=dict)

    async def cards(self, ticket_id: str, channel: str) -> Sequence[Card]:
        return [card for key, card in self.kept.items() if key[:2] == (ticket_id, channel)]

    async def keep(self, ticket_id: str, channel: str, card: Card) -> None:
        self.kept[ticket_id, channel, card.place, card.reference] = card

    async def forget(self, ticket_id: str, channel: str, card: Card) -> None:
        self.kept.pop((ticket_id, channel, card.place, card.reference), None)

    def lose(self) -> None:
        """Leave what a crash leaves between a post and its note: that each card was begun."""
        places = {key[:3] for key in self.kept}
        self.kept = {(*key, ""): Card(key[2], "") for key in places}


@dataclass
class Shelf:
    """One ticket, as it is now."""

    ticket: Ticket
    now: int
    text: bytes | None = b"{}"

    async def load(self, ticket_id: str) -> Loaded | None:
        return Loaded(self.ticket, self.now) if ticket_id == self.ticket.id else None

    async def body(self, ticket_id: str) -> bytes | None:
        return self.text if ticket_id == self.ticket.id else None

    def posting(self, kind: EventType, rev: int | None = None) -> Posting:
        """Tell of the ticket as it is now, as delivery does."""
        return Posting(kind, self.ticket, self.now, rev=self.ticket.rev if rev is None else rev)


@dataclass
class Notifier:
    """One notifier with a chat `ops`; several may share chat, book and shelf."""

    chat: Chat
    book: Book
    shelf: Shelf

    @property
    def cards(self) -> LivingCards:
        return LivingCards("ops", self.chat, self.book, self.shelf)

    async def tell(self, kind: EventType, rev: int | None = None) -> str:
        return await self.cards.send(self.shelf.posting(kind, rev))
