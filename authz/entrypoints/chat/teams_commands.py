"""What people write to the bot in Teams: `approvals`, `approve CODE`, `reject CODE REASON`, `here`, `help`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from authz.adapters.bot_framework.activity import Activity
from authz.adapters.teams_bot.card import CardTerms, listing_card
from authz.adapters.teams_bot.messages import card_message
from authz.adapters.teams_bot.people import People
from authz.adapters.teams_bot.wire import Wire
from authz.domain.errors import HoldgateError
from authz.domain.identity import Identity
from authz.domain.ticket import Choice, Ticket
from authz.domain.token import short_code
from authz.entrypoints.chat.outage_words import OUTAGES, in_words
from authz.entrypoints.chat.teams_sender import (
    METHOD,
    NOBODY,
    PERSONAL,
    callback_of,
    identity_of,
    place_of,
    signed_in,
)
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding, Press
from authz.services.ports import ChannelFailed

log = structlog.get_logger("holdgate.teams")

LISTED_MAX: Final = 10
HELP: Final = (
    "Write: approvals (what waits for you), approve CODE, reject CODE REASON, with the code that a card shows; "
    "here (how the operator's settings name this conversation)."
)
NO_SUCH_CODE: Final = (
    "There isn't exactly one request with this code that waits and that you may look at. Look at the page."
)
_CHOICES: Final[Mapping[str, Choice]] = {choice.value: choice for choice in Choice}
_BLANKS: Final = re.compile(r"(?:\s|&nbsp;)+")


@dataclass(frozen=True, slots=True)
class Command:
    """`verb` in lowercase, and what stands behind it, as it was written."""

    verb: str
    words: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody is answered: a sentence, and maybe entries, which are for their eyes alone."""

    sentence: str
    entries: tuple[tuple[str, str], ...] = ()
    private: bool = False


def command_of(activity: Activity) -> Command:
    """Return what was written to the bot, without its own name before it."""
    text = activity.text
    for mention in activity.mentions:
        if mention.id == activity.recipient_id and mention.text:
            text = text.replace(mention.text, " ")
    verb, _, words = _BLANKS.sub(" ", text).strip().partition(" ")
    return Command(verb.lower(), words.strip())


class TeamsCommands:
    """Answers what people write. A decision goes the same way as a button's."""

    def __init__(
        self,
        deciding: ChatDeciding,
        approvals: ChatApprovals,
        wire: Wire,
        people: People,
        terms: CardTerms,
    ) -> None:
        self._deciding = deciding
        self._approvals = approvals
        self._wire = wire
        self._people = people
        self._terms = terms

    async def answer(self, activity: Activity) -> None:
        """Do what is asked and say so: below the message, or in private what only the sender may see."""
        try:
            reply = await self._reply(activity)
        except OUTAGES as error:
            log.warning("teams.unavailable", error=type(error).__name__)
            reply = Reply(in_words(error))
        try:
            await self._send(activity, reply)
        except (ChannelFailed, HoldgateError) as error:
            # What was decided stands; the cards say so.
            log.warning("teams.unanswered", error=type(error).__name__)

    async def _reply(self, activity: Activity) -> Reply:
        command = command_of(activity)
        if command.verb == "here":
            return Reply(_here(activity))
        if command.verb != "approvals" and command.verb not in _CHOICES:
            return Reply(HELP)
        who = identity_of(activity, self._terms.tenant)
        if who is None:
            return Reply(NOBODY)
        if command.verb == "approvals":
            return await self._list(activity, who)
        return await self._decided(activity, who, _CHOICES[command.verb], command.words)

    async def _list(self, activity: Activity, who: Identity) -> Reply:
        waiting = await self._approvals.waiting(signed_in(activity, who), LISTED_MAX)
        if not waiting.tickets:
            return Reply("Nothing waits for you.", private=True)
        entries = tuple((short_code(one.ticket.id), _entry(one.ticket)) for one in waiting.tickets)
        sentence = "These wait for you, the newest first; there may be more on the page:"
        return Reply(sentence if waiting.more else "These wait for you:", entries, private=True)

    async def _decided(self, activity: Activity, who: Identity, choice: Choice, words: str) -> Reply:
        code, _, comment = words.partition(" ")
        loaded = await self._approvals.named(signed_in(activity, who), code) if code else None
        if loaded is None:
            return Reply(NO_SUCH_CODE if code else HELP)
        press = Press(
            channel=METHOD,
            callback=callback_of(activity),
            at=activity.timestamp_ms,
            method=METHOD,
            identity=who,
            name=activity.from_name,
            ticket_id=loaded.ticket.id,
            choice=choice,
            comment=comment.strip(),
            shown_digest=loaded.ticket.draft.fingerprint.payload_digest,
        )
        answer = await self._deciding.decide(press)
        log.info("teams.commanded", ticket=press.ticket_id, choice=choice.value, refused=answer.code)
        return Reply(f"{short_code(press.ticket_id)}: {answer.sentence}")

    async def _send(self, activity: Activity, reply: Reply) -> None:
        page = f"{self._terms.public_url.rstrip('/')}/" if reply.entries else ""
        message = card_message(listing_card(reply.sentence, reply.entries, page))
        if not reply.private or activity.conversation_type == PERSONAL:
            await self._wire.post(activity.service_url, activity.conversation_id, message)
            return
        personal = await self._people.reach(activity.aad_object_id, activity.service_url)
        await self._wire.post(personal.service_url, personal.conversation_id, message)
        told = card_message(listing_card("I have answered you in our personal chat."))
        await self._wire.post(activity.service_url, activity.conversation_id, told)


def _here(activity: Activity) -> str:
    if activity.conversation_type == PERSONAL:
        return f"{HELP} This is our personal chat, and no channel of the settings."
    return f'In the settings, this conversation is post_to: ["{place_of(activity).id}"]'


def _entry(ticket: Ticket) -> str:
    request = ticket.draft.request
    asked = f"{request.method} {request.scheme}://{request.host}{request.path}"
    return f"{ticket.draft.requirement.rule}: {asked}, by {ticket.draft.requester.shown}"
