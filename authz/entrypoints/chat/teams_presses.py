"""Presses of buttons on cards in Teams (`adaptiveCard/action`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.responses import Response

from authz.adapters.bot_framework.activity import Activity
from authz.adapters.teams.actions import REASON
from authz.adapters.teams_bot.adoption import Adoption
from authz.adapters.teams_bot.card import CardTerms
from authz.adapters.teams_bot.messages import answered_card
from authz.domain.errors import Overloaded, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.ticket import Choice, State
from authz.domain.token import is_ticket_id
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.outage_words import OUTAGES, in_words
from authz.entrypoints.chat.teams_answer import with_card, with_error, with_sentence
from authz.entrypoints.chat.teams_sender import METHOD, NOBODY, callback_of, identity_of, place_of, signed_in
from authz.services.bodies import kept_body
from authz.services.chat_deciding import ChatDeciding, Press
from authz.services.ports import ChannelFailed, DeliveryRefused, Loaded, Posting, TicketStore
from authz.services.voting import VotingService

log = structlog.get_logger("holdgate.teams")

NAME: Final = "adaptiveCard/action"
SLOW: Final = "This is being recorded. Look at the card again in a moment, or at the page."
BUSY: Final = "Too much is being decided at once. Nothing was recorded. Press again in a moment."
UNREADABLE: Final = "This button is none that Holdgate made. Open the page and decide there."
UNKNOWN: Final = "There is no such ticket that you may look at."

_CHOICES: Final[Mapping[str, Choice]] = {choice.value: choice for choice in Choice}
_DIGEST_MAX: Final = 256


def is_pressed(activity: Activity) -> bool:
    """Say whether a person did this: Teams asks by itself, too, when a card that refreshes comes into view."""
    return activity.value.get("trigger", "manual") == "manual"


class TeamsPresses:
    """Answers presses. What Teams sends by itself (a refresh) shows how things are, and never decides."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        deciding: ChatDeciding,
        voting: VotingService,
        store: TicketStore,
        adoption: Adoption,
        terms: CardTerms,
        in_hand: InHand,
    ) -> None:
        self._deciding = deciding
        self._voting = voting
        self._store = store
        self._adoption = adoption
        self._terms = terms
        self._in_hand = in_hand

    async def answer(self, activity: Activity, patience_s: float) -> Response:
        """Answer within `patience_s`; a decision that takes longer is taken all the same."""
        try:
            task = self._in_hand.start(self._answered(activity))
        except Overloaded:
            log.warning("teams.busy")
            return with_sentence(BUSY)
        done, _ = await asyncio.wait({task}, timeout=patience_s)
        return task.result() if done else with_sentence(SLOW)

    async def _answered(self, activity: Activity) -> Response:
        try:
            return await self._acted(activity)
        except OUTAGES as error:
            log.warning("teams.unavailable", error=type(error).__name__)
            return with_sentence(in_words(error))
        except Exception as error:  # noqa: BLE001 - Teams would show nothing at all, and press again
            log.error("teams.failed", error=type(error).__name__)  # noqa: TRY400 - the text may quote a request
            return with_error(
                500, "Something went wrong, and the operator finds it in the log. Look at the page."
            )

    async def _acted(self, activity: Activity) -> Response:
        action = _mapping(activity.value.get("action"))
        data = _mapping(action.get("data"))
        ticket_id, digest = data.get("ticket"), data.get("digest")
        if not isinstance(ticket_id, str) or not is_ticket_id(ticket_id) or not isinstance(digest, str):
            return with_error(400, UNREADABLE)
        who = identity_of(activity, self._terms.tenant)
        if who is None:
            return with_sentence(NOBODY)
        if not is_pressed(activity):
            return await self._shown(activity, who, ticket_id)
        verb, reason = action.get("verb"), data.get(REASON, "")
        choice = _CHOICES.get(verb) if isinstance(verb, str) else None
        if choice is None or not isinstance(reason, str) or len(digest) > _DIGEST_MAX:
            return with_error(400, UNREADABLE)
        comment = reason.replace("\r\n", "\n").strip() if choice is Choice.REJECT else ""
        return await self._decided(activity, who, ticket_id, choice, comment, digest)

    async def _decided(  # noqa: PLR0913, PLR0917 - what a press says
        self, activity: Activity, who: Identity, ticket_id: str, choice: Choice, comment: str, digest: str
    ) -> Response:
        press = Press(
            channel=METHOD,
            callback=callback_of(activity),
            at=activity.timestamp_ms,
            method=METHOD,
            identity=who,
            name=activity.from_name,
            ticket_id=ticket_id,
            choice=choice,
            comment=comment,
            shown_digest=digest,
        )
        answer = await self._deciding.decide(press)
        log.info("teams.pressed", ticket=ticket_id, choice=choice.value, refused=answer.code)
        if answer.loaded is None:
            return with_sentence(answer.sentence)
        self._look_after(activity, answer.loaded, refused=bool(answer.code))
        return await self._card(answer.loaded, answer.sentence)

    async def _shown(self, activity: Activity, who: Identity, ticket_id: str) -> Response:
        """Show how things are, to those who may look."""
        loaded = await self._store.load(ticket_id)
        actor = await self._voting.actor(signed_in(activity, who))
        if loaded is None or not await self._voting.may_view(actor, loaded):
            return with_sentence(UNKNOWN)
        return await self._card(loaded, "")

    async def _card(self, loaded: Loaded, note: str) -> Response:
        pending = loaded.ticket.state_at(loaded.now) is State.PENDING
        body = await kept_body(self._store, loaded.ticket) if pending else None
        posting = Posting(EventType.TICKET_CREATED, loaded.ticket, loaded.now, body)
        try:
            return with_card(answered_card(posting, self._terms, note))
        except DeliveryRefused:
            return with_sentence(note)

    def _look_after(self, activity: Activity, loaded: Loaded, *, refused: bool) -> None:
        """See to it that the pressed card is changed with the others, and at once where it has buttons in vain."""
        if not activity.reply_to_id:
            return
        in_vain = refused and loaded.ticket.state_at(loaded.now) is not State.PENDING
        if not self._in_hand.leave(self._looked_after(activity, loaded, in_vain=in_vain)):
            log.warning("teams.card_left", ticket=loaded.ticket.id, error=Overloaded.__name__)

    async def _looked_after(self, activity: Activity, loaded: Loaded, *, in_vain: bool) -> None:
        place, reference = place_of(activity), activity.reply_to_id
        try:
            await self._adoption.adopt(loaded.ticket.id, place, reference)
            if in_vain:
                await self._adoption.mend(loaded.ticket.id, place, reference)
        except (StoreUnavailable, ChannelFailed) as error:
            # The press is counted; the card is a later one's to mend.
            log.warning("teams.card_left", ticket=loaded.ticket.id, error=type(error).__name__)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
