"""Votes that come from a chat: a button that was pressed, or a command.

Whoever pressed it goes through the vote service like everybody. A chat vouches for who it was and when, and for an id
of this very press; of what the card carried only the ticket's id and the digest of what it showed are taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.errors import (
    PolicyMalformed,
    PolicyUnavailable,
    RecordUnreadable,
    StoreUnavailable,
    VoteRefused,
)
from authz.domain.identity import Identity
from authz.domain.requirement import Risk
from authz.domain.ticket import Choice, Ticket
from authz.domain.token import is_ticket_id
from authz.domain.voting import Ballot
from authz.services.card_ports import Callbacks
from authz.services.permissions import Action
from authz.services.ports import Loaded, TicketStore
from authz.services.voting import SignedIn, VotingService


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button, or one command, as a chat vouches for it.

    `channel` is the chat's name in the settings, `callback` the chat's id of this press, which is never given twice,
    and `at` when it was (epoch ms, by the chat's clock). `method` names the chat (`teams`, `slack`).
    """

    channel: str
    callback: str
    at: int
    method: str
    identity: Identity
    name: str
    ticket_id: str
    choice: Choice
    comment: str
    shown_digest: str


@dataclass(frozen=True, slots=True)
class PressAnswer:
    """What came of a press: a sentence for who pressed, and the code of a refusal (empty where it counts).

    `loaded` is the ticket as it is now, for those alone who may look at it. `repeated` is True for a press that came
    before; nothing was done.
    """

    sentence: str
    code: str = ""
    loaded: Loaded | None = None
    repeated: bool = False


def check_risk(ticket: Ticket) -> None:
    """Raise VoteRefused for a high risk: no chat says how and when somebody signed in to it."""
    if ticket.draft.requirement.risk is Risk.HIGH:
        code = "high-risk-on-page"
        raise VoteRefused(
            code, "This is a high risk: it is decided on the page alone, after a strong and recent sign-in."
        )


class ChatDeciding:
    """Takes presses. Each counts once, whatever the chat sends again, and none for a high risk."""

    def __init__(self, store: TicketStore, voting: VotingService, callbacks: Callbacks) -> None:
        self._store = store
        self._voting = voting
        self._callbacks = callbacks

    async def decide(self, press: Press) -> PressAnswer:
        """Count a press. Raises PolicyUnavailable, PolicyMalformed, StoreUnavailable, RecordUnreadable, TooContended.

        After any of these the press may be tried again by pressing again.
        """
        loaded = await self._store.load(press.ticket_id) if is_ticket_id(press.ticket_id) else None
        if loaded is None:
            return PressAnswer(
                "There is no such ticket. It may have been deleted after its time.", "unknown-ticket"
            )
        if not await self._callbacks.first(press.channel, press.callback):
            sentence = (
                "This press came in before, and counts once. The card and the page show how things stand."
            )
            return PressAnswer(sentence, "repeated", await self._viewable(press, loaded), repeated=True)
        ballot = Ballot(press.choice, press.comment, press.shown_digest, pressed_at=min(press.at, loaded.now))
        signed_in = _signed_in(press)
        try:
            with self._voting.telling(_ACTIONS[press.choice], press.ticket_id, signed_in):
                check_risk(loaded.ticket)
            voted = await self._voting.vote(press.ticket_id, signed_in, ballot)
        except VoteRefused as refused:
            return PressAnswer(str(refused), refused.code, await self._fresh(press))
        return PressAnswer(_RECORDED[press.choice], loaded=await self._viewable(press, voted))

    async def _fresh(self, press: Press) -> Loaded | None:
        try:
            loaded = await self._store.load(press.ticket_id)
        except (StoreUnavailable, RecordUnreadable):
            return None
        return await self._viewable(press, loaded) if loaded else None

    async def _viewable(self, press: Press, loaded: Loaded) -> Loaded | None:
        """Return the ticket to those who may look at it; to nobody while who may can't be told.

        By now it is decided what came of the press, and that is what is said.
        """
        try:
            actor = await self._voting.actor(_signed_in(press))
            return loaded if await self._voting.may_view(actor, loaded) else None
        except (PolicyUnavailable, PolicyMalformed):
            return None


_ACTIONS = {Choice.APPROVE: Action.APPROVE, Choice.REJECT: Action.REJECT}
_RECORDED = {
    Choice.APPROVE: "Your approval was recorded.",
    Choice.REJECT: "Your rejection was recorded.",
}


def _signed_in(press: Press) -> SignedIn:
    return SignedIn(press.identity, press.name, press.method, press.at)
