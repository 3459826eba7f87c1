"""Which channel of the settings a pressed card belongs to, where none remembers having posted it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from authz.adapters.teams_bot.place import Place
from authz.services.card_ports import CardBook
from authz.services.living_cards import LivingCards


@dataclass(frozen=True, slots=True)
class Lived:
    """One channel of the settings: its cards, and the rooms that it posts to."""

    cards: LivingCards
    rooms: Collection[str]


class Adoption:
    """Sees to it that a card is changed from now on: a crash between posting and remembering leaves such cards."""

    def __init__(self, channels: Mapping[str, Lived], book: CardBook) -> None:
        """`channels` are those of the bot, by name; there is at least one."""
        self._channels = channels
        self._book = book

    async def adopt(self, ticket_id: str, place: Place, reference: str) -> None:
        """Remember a card, if its place is one that cards of this bot are posted to. Raises StoreUnavailable."""
        with_cards: list[str] = []
        for name in self._channels:
            cards = await self._book.cards(ticket_id, name)
            if any(card.reference == reference for card in cards):
                return
            if cards:
                with_cards.append(name)
        owner = self._owner(place, with_cards)
        if owner is not None:
            await self._channels[owner].cards.adopt(ticket_id, str(place), reference)

    async def mend(self, ticket_id: str, place: Place, reference: str) -> None:
        """Make a card say what is true now. Raises DeliveryDelayed, DeliveryRefused and StoreUnavailable."""
        owner = self._owner(place, ())
        if owner is not None:
            await self._channels[owner].cards.mend(ticket_id, str(place), reference)

    def _owner(self, place: Place, with_cards: Collection[str]) -> str | None:
        if place.personal:
            return next(iter(with_cards), next(iter(self._channels)))
        return next((name for name, lived in self._channels.items() if place.id in lived.rooms), None)
