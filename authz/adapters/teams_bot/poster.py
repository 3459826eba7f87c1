"""What the bot does with cards: posts them to rooms and to people asked by name, and changes them in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from authz.adapters.teams_bot.announcing import Announcing
from authz.adapters.teams_bot.card import CardTerms, accounts_of
from authz.adapters.teams_bot.messages import (
    Message,
    alarm_message,
    digest_message,
    outcome_message,
    ticket_message,
    told_below,
)
from authz.adapters.teams_bot.people import People
from authz.adapters.teams_bot.place import Place, parse_place, room_of
from authz.adapters.teams_bot.wire import Wire
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.card_ports import PLACES_MAX, Card, CardGone, PersonUnreachable
from authz.services.conversations import ConversationStore
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryRefused, Posting

log = structlog.get_logger("holdgate.teams")

_TOLD_BELOW: Final = frozenset(
    {
        EventType.TICKET_APPROVED,
        EventType.TICKET_REJECTED,
        EventType.TICKET_EXPIRED,
        EventType.TICKET_CANCELLED,
        EventType.TICKET_SUPERSEDED,
        EventType.GRANT_REVOKED,
        EventType.TICKET_REMINDED,
        EventType.TICKET_ESCALATED,
    }
)
"""Changing a card tells nobody, so what should be noticed is said below it, too."""

EVENTS: Final = _TOLD_BELOW | {
    EventType.TICKET_CREATED,
    EventType.VOTE_RECORDED,
    EventType.VOTE_WITHDRAWN,
    EventType.GRANT_USED_UP,
    EventType.GRANT_LAPSED,
    EventType.BREAKGLASS_USED,
    EventType.BREAKGLASS_REVIEWED,
}


@dataclass(frozen=True, slots=True)
class Rooms:
    """The conversations that are posted to, and where one is reached that the bot didn't hear from yet."""

    ids: tuple[str, ...]
    service_url: str


class TeamsPoster:
    """One channel of the settings as a CardPoster. Conversations are those that the bot heard from."""

    def __init__(self, wire: Wire, conversations: ConversationStore, rooms: Rooms, terms: CardTerms) -> None:
        self._wire = wire
        self._conversations = conversations
        self._people = People(wire, conversations, terms.tenant)
        self._rooms = rooms
        self._announcing = Announcing(wire, rooms.ids, self._service_of)
        self._terms = terms

    @property
    def events(self) -> frozenset[EventType]:
        """See CardPoster: every event but a single use of many, which changes nothing that a card says."""
        return EVENTS

    async def places(self, posting: Posting) -> Sequence[str]:
        """Return the rooms, and the people asked by name; these are mentioned in the rooms as well."""
        asked = () if posting.copied else posting.designated
        people = [account for person in asked for account in accounts_of(person, self._terms.tenant)]
        places = [*map(Place, self._rooms.ids), *(Place(account, personal=True) for account in people)]
        return [str(place) for place in dict.fromkeys(places)][:PLACES_MAX]

    async def post(self, place: str, posting: Posting) -> str:
        """See CardPoster."""
        message = ticket_message(posting, self._terms)
        where = parse_place(place)
        if where.personal:
            return await self._told_in_private(where.id, message)
        return await self._wire.post(await self._service_of(where.id), where.id, message)

    async def update(self, card: Card, posting: Posting) -> None:
        """See CardPoster."""
        message = ticket_message(posting, self._terms)
        service_url, conversation = await self._address(parse_place(card.place))
        await self._wire.update(service_url, conversation, card.reference, message)

    async def follow_up(self, card: Card, posting: Posting) -> None:
        """See CardPoster: an outcome, a reminder or an escalation, in the card's thread."""
        if posting.type not in _TOLD_BELOW:
            return
        service_url, conversation = await self._address(parse_place(card.place))
        told = told_below(posting, self._terms)
        await self._wire.reply(service_url, conversation, card.reference, told)

    async def tell(self, person: Person, posting: Posting) -> str:
        """See CardPoster. Raises PersonUnreachable."""
        accounts = accounts_of(person, self._terms.tenant)
        if not accounts:
            return ""
        return await self._told_in_private(accounts[0], outcome_message(posting, self._terms))

    async def alarm(self, alarm: Alarm) -> str:
        """See CardPoster: in every room, and once in each, as long as this process tries."""
        return await self._announcing.alarm(alarm, alarm_message(alarm, self._terms))

    async def digest(self, digest: Digest, reference: str) -> str:
        """See CardPoster: in every room that takes it."""
        return await self._announcing.digest(digest, digest_message(digest, self._terms), reference)

    async def _told_in_private(self, account: str, message: Message) -> str:
        """Write to one person, and forget their conversation where that can't be done: it may be an old one.

        Raises PersonUnreachable, and DeliveryDelayed.
        """
        try:
            chat = await self._people.reach(account, await self._service_of(self._rooms.ids[0]))
            return await self._wire.post(chat.service_url, chat.conversation_id, message)
        except DeliveryRefused as error:
            await self._people.forget(account)
            log.warning(
                "teams.person_unreachable",
                account=account,
                problem=str(error),
                advice="install the app for this person; they are mentioned in the channel meanwhile",
            )
            raise PersonUnreachable(str(error)) from error

    async def _address(self, place: Place) -> tuple[str, str]:
        """Return service and conversation. Raises CardGone for a person whom the bot can't write to any more."""
        if not place.personal:
            return await self._service_of(place.id), place.id
        found = await self._conversations.personal(self._terms.tenant, place.id)
        if found is None:
            msg = "there is no personal chat with this person any more; they removed the app"
            raise CardGone(msg)
        return found.service_url, found.conversation_id

    async def _service_of(self, conversation_id: str) -> str:
        found = await self._conversations.find(room_of(conversation_id))
        return found.service_url if found else self._rooms.service_url
