"""Cards in Slack, behind the services' CardPoster port: posted, changed in place, and with their history in a thread.

A place is a channel's id or a user's, and a card's id is `CHANNEL TS`: Slack names a message by both, and writes to a
user in a channel of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import structlog

from authz.adapters.http_post.pace import Pace
from authz.adapters.slack.alarm_message import alarm_message
from authz.adapters.slack.digest_message import digest_message
from authz.adapters.slack.failures import failure
from authz.adapters.slack.message import Message, ticket_message
from authz.adapters.slack.thread import thread_message
from authz.adapters.slack.web import ApiFailed, SlackWeb
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.card_ports import Card, CardGone, PersonUnreachable
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting

EVENTS: Final = frozenset(EventType) - {EventType.GRANT_REDEEMED}
"""A card doesn't show how often an approval was used so far."""

POST: Final = "chat.postMessage"
UPDATE: Final = "chat.update"
CALL_SECONDS: Final = 20.0
REMEMBERED_MAX: Final = 1000
"""How many channels' paces and users' channels are remembered."""

_PER_SECOND: Final = 1

T = TypeVar("T")
log = structlog.get_logger("holdgate.slack")


@dataclass(frozen=True, slots=True)
class PosterSettings:
    """`team` and `channel` are Slack's ids. `public_url` is where people reach the console."""

    team: str
    channel: str
    public_url: str


class SlackPoster:
    """One channel of one workspace, and the people of that workspace. Use it from one event loop."""

    def __init__(self, web: SlackWeb, settings: PosterSettings) -> None:
        """Take the workspace's client, which the caller closes."""
        self._web = web
        self._settings = settings
        self._paces: OrderedDict[str, Pace] = OrderedDict()
        self._personal: OrderedDict[str, str] = OrderedDict()

    @property
    def events(self) -> frozenset[EventType]:
        """Everything that a card or its thread shows."""
        return EVENTS

    async def places(self, posting: Posting) -> Sequence[str]:
        """Return the channel, and the accounts in this workspace of those who are asked by name."""
        people = [] if posting.copied else [self._account(person) for person in posting.designated]
        return [self._settings.channel, *(user for user in people if user)]

    async def post(self, place: str, posting: Posting) -> str:
        """See CardPoster. Raises DeliveryDelayed, DeliveryRefused and PersonUnreachable."""
        message = ticket_message(posting, self._settings.public_url)
        try:
            return await self._post(place, message)
        except (DeliveryRefused, CardGone) as error:
            if place == self._settings.channel:
                raise
            log.warning("slack.person_unreachable", user=place, problem=str(error))
            raise PersonUnreachable(str(error)) from error

    async def update(self, card: Card, posting: Posting) -> None:
        """See CardPoster. Raises CardGone, DeliveryDelayed and DeliveryRefused."""
        message = ticket_message(posting, self._settings.public_url)
        await self._update(*_located(card.reference), message)

    async def follow_up(self, card: Card, posting: Posting) -> None:
        """Answer in the card's thread. Raises CardGone, DeliveryDelayed and DeliveryRefused."""
        channel, ts = _located(card.reference)
        arguments = {"channel": channel, "thread_ts": ts, **thread_message(posting).fields}
        await self._call(POST, channel, arguments, posted=True)

    async def tell(self, person: Person, posting: Posting) -> str:
        """See CardPoster: the card without its buttons, to one person."""
        user = self._account(person)
        if not user:
            return ""
        message = ticket_message(replace(posting, copied=True), self._settings.public_url)
        return await self._post(user, message)

    async def alarm(self, alarm: Alarm) -> str:
        """See CardPoster. Raises DeliveryDelayed and DeliveryRefused."""
        return await self._post(self._settings.channel, alarm_message(alarm, self._settings.public_url))

    async def digest(self, digest: Digest, reference: str) -> str:
        """See CardPoster. Raises CardGone, DeliveryDelayed and DeliveryRefused."""
        message = digest_message(digest, self._settings.public_url)
        if not reference:
            return await self._post(self._settings.channel, message)
        await self._update(*_located(reference), message)
        return reference

    async def _update(self, channel: str, ts: str, message: Message) -> None:
        arguments = {"channel": channel, "ts": ts, **message.fields}
        await self._call(UPDATE, f"{UPDATE} {channel}", arguments, posted=True)

    async def _post(self, place: str, message: Message) -> str:
        channel = place if place == self._settings.channel else await self._channel_of(place)
        answer = await self._call(POST, channel, {"channel": channel, **message.fields})
        match answer:
            case {"channel": str(posted_in), "ts": str(ts)}:
                return f"{posted_in} {ts}"
            case _:
                msg = f"Slack's {POST} accepted a message and didn't say which it is"
                raise DeliveryRefused(msg)

    async def _channel_of(self, user: str) -> str:
        """Return the channel in which one user is written to; Slack gives the same again."""
        if user not in self._personal:
            answer = await self._call("conversations.open", "conversations.open", {"users": user})
            match answer:
                case {"channel": {"id": str(channel)}}:
                    _remember(self._personal, user, channel)
                case _:
                    msg = "Slack's conversations.open didn't name a channel"
                    raise DeliveryRefused(msg)
        return self._personal[user]

    async def _call(
        self, method: str, paced_by: str, arguments: Mapping[str, object], *, posted: bool = False
    ) -> Mapping[str, Any]:
        """Call a method when its turn has come; a pause that Slack asks for is one for `paced_by` alone."""
        if paced_by not in self._paces:
            _remember(self._paces, paced_by, Pace(_PER_SECOND))
        pace = self._paces[paced_by]
        async with pace.turn() as back_after_s:
            if back_after_s > 0:
                msg = f"{method} is busy, or Slack asked for a pause: {back_after_s:.1f} s more"
                raise DeliveryDelayed(msg, back_after_s, tried=False)
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    return await self._web.call(method, arguments)
            except TimeoutError:
                msg = f"Slack's {method} gave no answer in {CALL_SECONDS:g} s"
                raise DeliveryDelayed(msg) from None
            except ApiFailed as failed:
                error = failure(failed, posted=posted)
                if isinstance(error, DeliveryDelayed):
                    pace.pause(error.after_s)
                raise error from None

    def _account(self, person: Person) -> str:
        """Return the user's id by which a person is known in this workspace, "" for none."""
        return next((account.id for account in person.accounts if account.ns == self._settings.team), "")


def _located(reference: str) -> tuple[str, str]:
    """Return the channel and the time stamp that name a message. Raises CardGone for what names none."""
    channel, _, ts = reference.partition(" ")
    if not channel or not ts:
        msg = "this card was remembered without the message that it is"
        raise CardGone(msg)
    return channel, ts


def _remember(kept: OrderedDict[str, T], key: str, value: T) -> None:
    """Keep the newest; the oldest is asked for again."""
    kept[key] = value
    if len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)
