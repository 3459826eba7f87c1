"""Cards that are changed in place, as a Channel: in every place of a ticket the one card says what is true now.

Several notifiers may tell of one ticket at the same time, in any order, and each may die at any moment. What makes the
cards right in the end: whoever has posted or changed a card, and remembered it, reads the ticket again, and goes on as
long as it is another one than the card shows. So the last one to touch a card knew the ticket's last change.

A crash between the chat's answer and the note of it leaves a card behind that nobody changes; the ticket gets another
one. Such a card is found again when somebody presses a button on it (`adopt`). What a press says of its card is the
client's, so that a card is only adopted where one was begun and never noted: else anybody could have another message of
ours, of another ticket or an alarm, changed into this card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.domain.ticket import State
from authz.services.bodies import kept_body
from authz.services.card_ports import (
    PLACES_MAX,
    Card,
    CardBook,
    CardGone,
    CardPoster,
    PersonUnreachable,
)
from authz.services.digest import Digest
from authz.services.ports import Alarm, ChannelFailed, DeliveryDelayed, Loaded, Posting

ROUNDS_MAX: Final = 5
"""How often a card is changed for one notice while others keep changing the ticket: their notices go on with it."""


class TicketReader(Protocol):
    """What this needs of a TicketStore."""

    async def load(self, ticket_id: str) -> Loaded | None:
        """See TicketStore."""
        ...

    async def body(self, ticket_id: str) -> bytes | None:
        """See TicketStore."""
        ...


class LivingCards:
    """One chat of the settings as a Channel."""

    def __init__(self, name: str, poster: CardPoster, book: CardBook, tickets: TicketReader) -> None:
        """`name` is the channel's in the settings."""
        self._name = name
        self._poster = poster
        self._book = book
        self._tickets = tickets

    @property
    def events(self) -> frozenset[EventType]:
        """See Channel."""
        return self._poster.events

    async def send(self, posting: Posting) -> str:
        """Post cards where there should be some, change those that are there, and return how many there are now.

        Returns "" where there was none, and the chat was asked nothing. Raises DeliveryDelayed and DeliveryRefused as
        soon as every card was tried, and StoreUnavailable.
        """
        posting = await self._with_body(posting)
        begun = await self._book.cards(posting.ticket.id, self._name)
        cards = [card for card in begun if card.reference]
        failures: list[ChannelFailed] = []
        posted: list[Card] = []
        if posting.opening:
            posted = await self._post_missing(posting, begun, failures)
        left = await self._update(posting, cards, failures)
        if posting.type is not EventType.TICKET_CREATED:
            left = await self._follow_up(posting, left, failures)
        left = await self._catch_up(posting, [*left, *posted], failures)
        if failures:
            raise _worst(failures)
        return f"{len(left)} cards" if cards or posted else ""

    async def alarm(self, alarm: Alarm) -> str:
        """See Channel."""
        return await self._poster.alarm(alarm)

    async def tell(self, person: Person, posting: Posting) -> str:
        """See CardPoster."""
        return await self._poster.tell(person, posting)

    @property
    def in_place(self) -> bool:
        """See Digesting."""
        return True

    async def digest(self, digest: Digest, reference: str) -> str:
        """See Digesting."""
        return await self._poster.digest(digest, reference)

    async def adopt(self, ticket_id: str, place: str, reference: str) -> None:
        """Remember a card that somebody pressed a button on and nobody noted, so that it is changed from now on.

        Nothing happens where no card of this ticket was begun there. Raises StoreUnavailable.
        """
        cards = await self._book.cards(ticket_id, self._name)
        begun = Card(place, "")
        if begun in cards and all(card.reference != reference for card in cards):
            await self._book.keep(ticket_id, self._name, Card(place, reference))
            await self._book.forget(ticket_id, self._name, begun)

    async def mend(self, ticket_id: str, place: str, reference: str) -> None:
        """Make one card say what is true now: somebody pressed a button that it should not have any more.

        Nothing happens to what isn't known to be a card of this ticket. A card that is gone is left to be forgotten by
        whoever tells of the ticket next. Raises DeliveryDelayed, DeliveryRefused and StoreUnavailable.
        """
        cards = await self._book.cards(ticket_id, self._name)
        if not any((card.place, card.reference) == (place, reference) for card in cards):
            return
        shown: Posting | None = None
        for _ in range(ROUNDS_MAX):
            loaded = await self._tickets.load(ticket_id)
            if loaded is None or (shown is not None and _same(loaded, shown)):
                return
            shown = await self._with_body(Posting(EventType.TICKET_CREATED, loaded.ticket, loaded.now))
            try:
                await self._poster.update(Card(place, reference), shown)
            except CardGone:
                return

    async def _post_missing(
        self, posting: Posting, known: Sequence[Card], failures: list[ChannelFailed]
    ) -> list[Card]:
        taken = {card.place for card in known if card.reference}
        places = dict.fromkeys((await self._poster.places(posting))[:PLACES_MAX])
        posted: list[Card] = []
        for place in places:
            if place in taken:
                continue
            begun = Card(place, "")
            before = begun in known  # then there may be one that somebody finds
            if not before:
                await self._book.keep(posting.ticket.id, self._name, begun)
            try:
                reference = await self._poster.post(place, posting)
            except ChannelFailed as error:
                if not isinstance(error, PersonUnreachable):
                    failures.append(error)
                if not before and not (isinstance(error, DeliveryDelayed) and error.tried):
                    await self._book.forget(posting.ticket.id, self._name, begun)
                continue
            card = Card(place, reference)
            await self._book.keep(posting.ticket.id, self._name, card)
            if not before:
                await self._book.forget(posting.ticket.id, self._name, begun)
            posted.append(card)
        return posted

    async def _update(
        self, posting: Posting, cards: Sequence[Card], failures: list[ChannelFailed]
    ) -> list[Card]:
        """Change every card, and return those that are still there."""
        left: list[Card] = []
        for card in cards:
            try:
                await self._poster.update(card, posting)
            except CardGone:
                await self._book.forget(posting.ticket.id, self._name, card)
                continue
            except ChannelFailed as error:
                failures.append(error)
            left.append(card)
        return left

    async def _follow_up(
        self, posting: Posting, cards: Sequence[Card], failures: list[ChannelFailed]
    ) -> list[Card]:
        """Tell the event below every card that hasn't been told of it, and return those that are still there."""
        event = f"{posting.type.value} {posting.rev}"
        left: list[Card] = []
        for card in cards:
            if card.told == event:
                left.append(card)
                continue
            try:
                await self._poster.follow_up(card, posting)
            except CardGone:
                await self._book.forget(posting.ticket.id, self._name, card)
                continue
            except ChannelFailed as error:
                failures.append(error)
                left.append(card)
                continue
            told = replace(card, told=event)
            await self._book.keep(posting.ticket.id, self._name, told)
            left.append(told)
        return left

    async def _catch_up(
        self, shown: Posting, cards: Sequence[Card], failures: list[ChannelFailed]
    ) -> list[Card]:
        """Change the cards again for as long as the ticket is another one than they show."""
        left = list(cards)
        for _ in range(ROUNDS_MAX):
            loaded = await self._tickets.load(shown.ticket.id) if left else None
            if loaded is None or _same(loaded, shown):
                break
            shown = await self._with_body(replace(shown, ticket=loaded.ticket, now=loaded.now))
            left = await self._update(shown, left, failures)
        return left

    async def _with_body(self, posting: Posting) -> Posting:
        """Return the posting with the body, which everybody should see for as long as it can be decided."""
        if posting.body is not None or _state(posting) is not State.PENDING:
            return posting
        return replace(posting, body=await kept_body(self._tickets, posting.ticket))


def _same(one: Loaded, other: Posting) -> bool:
    return (one.ticket.rev, _state(one)) == (other.ticket.rev, _state(other))


def _state(of: Posting | Loaded) -> State:
    return of.ticket.state_at(of.now)


def _worst(failures: Sequence[ChannelFailed]) -> ChannelFailed:
    """Return what is to be done about all of them: one that may pass is worth trying again."""
    delayed = [error for error in failures if isinstance(error, DeliveryDelayed)]
    if not delayed:
        return failures[0]
    last = max(delayed, key=lambda error: error.after_s)
    return DeliveryDelayed(str(last), last.after_s, tried=any(error.tried for error in delayed))
