"""What is done about presses, reasons and commands that came from Slack: everybody goes to the vote service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from authz.adapters.cards.wording import ticket_link
from authz.adapters.slack.answers import (
    FOREIGN,
    HELP,
    LISTED_MAX,
    UNREADABLE,
    listing,
    sentence,
    with_card,
)
from authz.adapters.slack.button_value import Shown
from authz.adapters.slack.message import Message
from authz.adapters.slack.modal import reject_modal
from authz.adapters.slack.payload import (
    ButtonPress,
    Command,
    ForeignWorkspace,
    Member,
    PayloadMalformed,
    Submission,
    answer_to,
    button_press,
    command,
)
from authz.adapters.slack.web import ApiFailed, SlackWeb
from authz.domain.errors import VoteRefused
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State
from authz.entrypoints.chat.outage_words import OUTAGES, in_words
from authz.services.bodies import kept_body
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding, Press, PressAnswer
from authz.services.living_cards import LivingCards
from authz.services.ports import ChannelFailed, Loaded, Posting, TicketStore
from authz.services.voting import SignedIn

METHOD: Final = "slack"
_STALE: Final = "stale-view"
_NO_SUCH: Final = "There is no such ticket. It may have been deleted after its time."
_NOT_WAITING: Final = (
    "No ticket that you may see waits under this code. It may have been decided, or be over."
)
_REASON_MISSING: Final = "Say in a few words why you reject it: /approvals reject CODE REASON"
_NO_WINDOW: Final = "Slack didn't open the window for the reason in time. Press Reject again."

log = structlog.get_logger("holdgate.slack")


@dataclass(frozen=True, slots=True)
class Room:
    """One channel of the settings: its name there, its id at Slack, and its cards."""

    name: str
    channel: str
    cards: LivingCards


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What a desk works with. `rooms` are those of one Slack app, at least one; `team` is its workspace."""

    web: SlackWeb
    team: str
    public_url: str
    rooms: Sequence[Room]
    store: TicketStore
    deciding: ChatDeciding
    approvals: ChatApprovals


class SlackDesk:
    """Serves one app in one workspace."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self._rooms = {room.channel: room for room in parts.rooms}

    @property
    def team(self) -> str:
        """The workspace whose members are served."""
        return self._parts.team

    async def press(self, body: Mapping[str, object]) -> None:
        """Count an approval, or ask for the reason of a rejection, and answer who pressed."""
        try:
            press = button_press(body, self._parts.team)
        except (ForeignWorkspace, PayloadMalformed) as error:
            log.warning("slack.press_refused", error=type(error).__name__)
            if (to := answer_to(body)) is not None:
                await self._whisper(
                    *to, sentence(FOREIGN if isinstance(error, ForeignWorkspace) else UNREADABLE)
                )
            return

        async def answered(message: Message) -> None:
            await self._whisper(press.channel, press.by.identity.id, message)

        await self._guarded(lambda: self._pressed(press, answered), answered)

    async def submit(self, submission: Submission, at: int) -> None:
        """Count a rejection by whoever submitted its reason, who need not be who opened the window."""

        async def answered(message: Message) -> None:
            await self._whisper(submission.channel, submission.by.identity.id, message)

        async def rejected() -> None:
            by, shown = submission.by, submission.shown
            press = self._press(by, submission.callback, at, shown, Choice.REJECT, submission.reason.strip())
            await self._answer(await self._parts.deciding.decide(press), answered)

        await self._guarded(rejected, answered)

    async def command(self, body: Mapping[str, object], at: int) -> None:
        """List, approve or reject, and answer who typed it."""
        try:
            typed = command(body, self._parts.team)
        except (ForeignWorkspace, PayloadMalformed) as error:
            log.warning("slack.command_refused", error=type(error).__name__)
            url = body.get("response_url")
            if isinstance(url, str):
                await self._respond(
                    url, sentence(FOREIGN if isinstance(error, ForeignWorkspace) else UNREADABLE)
                )
            return

        async def answered(message: Message) -> None:
            await self._respond(typed.response_url, message)

        await self._guarded(lambda: self._commanded(typed, at, answered), answered)

    async def _pressed(self, press: ButtonPress, answered: Callable[[Message], Awaitable[None]]) -> None:
        loaded = await self._parts.store.load(press.shown.ticket_id)
        if loaded is None:
            await answered(sentence(_NO_SUCH))
            return
        await self._adopt(press)
        if press.choice is Choice.REJECT:
            refused = await self._ask_reason(press, loaded, answered)
        else:
            made = self._press(press.by, press.callback, press.at, press.shown, press.choice, "")
            answer = await self._parts.deciding.decide(made)
            refused = bool(answer.code)
            await self._answer(answer, answered)
        if refused:
            await self._mend(press)

    async def _ask_reason(
        self, press: ButtonPress, loaded: Loaded, answered: Callable[[Message], Awaitable[None]]
    ) -> bool:
        """Open the window, for those alone who could reject it now; return whether they can't.

        Slack's permission to open one ends in three seconds.
        """
        signed_in = SignedIn(press.by.identity, press.by.name, METHOD, press.at)
        try:
            await self._parts.approvals.check(loaded, signed_in, Choice.REJECT)
        except VoteRefused as refused:
            await self._answer(PressAnswer(str(refused), refused.code, loaded), answered)
            return True
        view = reject_modal(loaded, press.shown, press.channel)
        try:
            await self._parts.web.call("views.open", {"trigger_id": press.trigger, "view": view})
        except ApiFailed as failed:
            log.warning("slack.window_not_opened", error=failed.code)
            await answered(sentence(_NO_WINDOW))
        return False

    async def _commanded(
        self, typed: Command, at: int, answered: Callable[[Message], Awaitable[None]]
    ) -> None:
        signed_in = SignedIn(typed.by.identity, typed.by.name, METHOD, at)
        match typed.text.split(maxsplit=2):
            case [] | ["list"]:
                found = await self._parts.approvals.waiting(signed_in, LISTED_MAX)
                await answered(listing(found.tickets, self._parts.public_url, more=found.more))
            case ["reject", _]:
                await answered(sentence(_REASON_MISSING))
            case ["approve" | "reject" as verb, code, *rest]:
                loaded = await self._parts.approvals.named(signed_in, code)
                if loaded is None:
                    await answered(sentence(_NOT_WAITING))
                    return
                comment = rest[0] if rest else ""
                shown = Shown.of(loaded.ticket)
                press = self._press(typed.by, typed.callback, at, shown, Choice(verb), comment)
                await self._answer(await self._parts.deciding.decide(press), answered)
            case _:
                await answered(sentence(HELP))

    def _press(  # noqa: PLR0913, PLR0917 - the parts of one press
        self, by: Member, callback: str, at: int, shown: Shown, choice: Choice, comment: str
    ) -> Press:
        return Press(
            channel=self._parts.rooms[0].name,
            callback=callback,
            at=at,
            method=METHOD,
            identity=by.identity,
            name=by.name,
            ticket_id=shown.ticket_id,
            choice=choice,
            comment=comment,
            shown_digest=shown.digest,
        )

    async def _answer(self, answer: PressAnswer, answered: Callable[[Message], Awaitable[None]]) -> None:
        """Say what came of it. What came before was answered then."""
        log.info("slack.decided", code=answer.code or "counted", repeated=answer.repeated)
        if answer.repeated:
            return
        loaded = answer.loaded
        if loaded is None:
            await answered(sentence(answer.sentence))
        elif answer.code == _STALE:
            body = await kept_body(self._parts.store, loaded.ticket)
            fresh = Posting(EventType.TICKET_CREATED, loaded.ticket, loaded.now, body)
            await answered(with_card(answer.sentence, fresh, self._parts.public_url))
        else:
            await answered(sentence(answer.sentence, ticket_link(self._parts.public_url, loaded.ticket)))

    async def _adopt(self, press: ButtonPress) -> None:
        """Remember the card that was pressed, where nobody does since a notifier died at the wrong moment.

        Before the decision, so that its event finds the card; and the decision doesn't depend on it.
        """
        room = self._room_of(press)
        if room is None:
            return
        try:
            await room.cards.adopt(press.shown.ticket_id, self._place(press), press.card)
        except OUTAGES as error:
            log.warning("slack.card_not_adopted", error=type(error).__name__)

    async def _mend(self, press: ButtonPress) -> None:
        """Take the buttons off a card of a ticket that doesn't wait any more: no event will come that does."""
        room = self._room_of(press)
        loaded = await self._parts.store.load(press.shown.ticket_id)
        if room is None or loaded is None or loaded.ticket.state_at(loaded.now) is State.PENDING:
            return
        try:
            await room.cards.mend(press.shown.ticket_id, self._place(press), press.card)
        except ChannelFailed as failed:
            log.warning("slack.card_not_mended", error=str(failed))

    def _place(self, press: ButtonPress) -> str:
        return press.channel if press.channel in self._rooms else press.by.identity.id

    def _room_of(self, press: ButtonPress) -> Room | None:
        """Return whose card it is. Of several channels nobody can tell which one wrote to a person."""
        if not press.card:
            return None
        only = self._parts.rooms[0] if len(self._parts.rooms) == 1 else None
        return self._rooms.get(press.channel, only)

    async def _guarded(
        self, doing: Callable[[], Awaitable[None]], answered: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Do it, and say so where what it needs can't be reached."""
        try:
            await doing()
        except OUTAGES as error:
            log.warning("slack.unavailable", error=type(error).__name__)
            await answered(sentence(in_words(error)))

    async def _whisper(self, channel: str, user: str, message: Message) -> None:
        """Tell one person in a channel what nobody else there sees."""
        try:
            await self._parts.web.call(
                "chat.postEphemeral", {"channel": channel, "user": user, **message.fields}
            )
        except ApiFailed as failed:
            log.warning("slack.not_answered", error=failed.code)

    async def _respond(self, response_url: str, message: Message) -> None:
        """Answer a command, wherever it was typed."""
        try:
            await self._parts.web.respond(response_url, {"response_type": "ephemeral", **message.fields})
        except ApiFailed as failed:
            log.warning("slack.not_answered", error=failed.code)
