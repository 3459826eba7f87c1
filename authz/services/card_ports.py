"""What the services need of a chat whose cards can be changed after they were posted.

`services.living_cards` makes a Channel of a CardPoster; the adapter of a chat has to know nothing of tickets that
changed meanwhile, of crashes, or of which card is where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.digest import Digest
from authz.services.ports import Alarm, ChannelFailed, DeliveryRefused, Posting

PLACES_MAX = 20
"""Cards of one ticket in one chat: its channel, and the people who are asked by name."""

CARDS_MAX = 100
"""Cards of one ticket in all chats."""


@dataclass(frozen=True, slots=True)
class Card:
    """A posted card: where (a text that the chat's adapter alone understands), and the chat's id of it.

    `reference` is empty for a card that may have been posted and whose id nobody noted. `told` names the last event
    that was told below it, empty for none.
    """

    place: str
    reference: str
    told: str = ""


class CardGone(ChannelFailed):
    """The card isn't there any more: somebody deleted it, or the chat threw us out. There is nothing to change."""


class PersonUnreachable(DeliveryRefused):
    """One of those who are asked by name can't be written to; the chat's channel has its card all the same."""


class CardPoster(Protocol):
    """What one chat does with cards. Every call raises DeliveryDelayed and DeliveryRefused, and is bounded in time."""

    @property
    def events(self) -> frozenset[EventType]:
        """The events that change what a card shows."""
        ...

    async def places(self, posting: Posting) -> Sequence[str]:
        """Return where this ticket's cards belong, the chat's channel first; at most PLACES_MAX are used."""
        ...

    async def post(self, place: str, posting: Posting) -> str:
        """Post a card that says what is true of the ticket, and return the chat's id of it.

        Raises PersonUnreachable for the place of a person.
        """
        ...

    async def update(self, card: Card, posting: Posting) -> None:
        """Make the card say what is true of the ticket now. Raises CardGone."""
        ...

    async def follow_up(self, card: Card, posting: Posting) -> None:
        """Tell this one event below the card, where the chat keeps a history. Raises CardGone."""
        ...

    async def tell(self, person: Person, posting: Posting) -> str:
        """Tell one person in private how the ticket stands, and return the chat's id of the message.

        Returns "" where the directory links no account of this chat to that person.
        """
        ...

    async def alarm(self, alarm: Alarm) -> str:
        """Post that somebody broke the glass, or that it was reviewed; return the chat's id of the message."""
        ...

    async def digest(self, digest: Digest, reference: str) -> str:
        """Say in the chat's channel how many tickets wait that get no card each, because too many came at once.

        Posts it where `reference` is empty, and else changes the message that is `reference`; returns the reference:
        whatever finds the message again, its channel included. The words are those of `cards.digest_words`.
        Raises CardGone.
        """
        ...


class CardBook(Protocol):
    """Remembers which cards of a ticket are where, as long as the ticket lives. Raises StoreUnavailable."""

    async def cards(self, ticket_id: str, channel: str) -> Sequence[Card]:
        """Return the cards of a ticket in one channel (of the settings)."""
        ...

    async def keep(self, ticket_id: str, channel: str, card: Card) -> None:
        """Remember a card, or what was told below it. Beyond CARDS_MAX of a ticket nothing is kept."""
        ...

    async def forget(self, ticket_id: str, channel: str, card: Card) -> None:
        """Remember this card no longer."""
        ...


class Callbacks(Protocol):
    """Remembers which presses of a button have come in already, by the chat's own ids. Raises StoreUnavailable."""

    async def first(self, channel: str, callback: str) -> bool:
        """Say whether this press comes for the first time, and remember that it came."""
        ...
