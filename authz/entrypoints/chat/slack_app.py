"""What Slack sends, given to those who do it: acknowledged at once, done afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from authz.adapters.slack.blocks import APPROVE, DETAILS, REJECT
from authz.adapters.slack.modal import CALLBACK, REASON_BLOCK
from authz.adapters.slack.payload import ForeignWorkspace, PayloadMalformed, submission
from authz.adapters.slack.web import quiet
from authz.domain.errors import Overloaded
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.slack_desk import SlackDesk

COMMAND: Final = "/approvals"
BUSY: Final = 503
WORK_SECONDS: Final = 25.0
_BLANK: Final = "Say in a few words why."
_NOT_YOURS: Final = "This window can't be used any more. Nothing was counted."

log = structlog.get_logger("holdgate.slack")


class SlackApp:
    """One app at Slack, whichever way its messages come in. Whoever calls this is certain that they are Slack's."""

    def __init__(self, desk: SlackDesk, in_hand: InHand, wall: Callable[[], float] = time.time) -> None:
        """`wall` is the time (epoch seconds)."""
        self._desk = desk
        self._in_hand = in_hand
        self._wall = wall
        self._bolt = AsyncApp(
            name="holdgate",
            logger=quiet,
            authorize=_authorized,
            # What is left to do after the acknowledgement is InHand's, which is bounded.
            process_before_response=True,
            # It would be after the body is read, raises for a time stamp that is no number, and `ssl_check` passes it.
            request_verification_enabled=False,
            ssl_check_enabled=False,
        )
        self._bolt.action(APPROVE)(self._pressed)
        self._bolt.action(REJECT)(self._pressed)
        self._bolt.action(DETAILS)(_seen)
        self._bolt.view(CALLBACK)(self._submitted)
        self._bolt.command(COMMAND)(self._typed)

    async def dispatch(self, payload: Mapping[str, Any]) -> BoltResponse:
        """Take one message, and return what Slack is to be answered: a status of 503 when there is too much to do."""
        # Not as it came: bolt takes a form with the word "payload" anywhere in it for another kind of message.
        body = json.dumps(payload)
        request = AsyncBoltRequest(body=body, headers={"content-type": "application/json"})
        return await self._bolt.async_dispatch(request)

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        return await self._begun(ack, self._desk.press(body))

    async def _typed(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        at = self._now()
        return await self._begun(ack, self._desk.command(body, at))

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Keep the window open for a reason of blanks: it is a reason that the requester reads."""
        try:
            submitted = submission(body, self._desk.team)
        except (ForeignWorkspace, PayloadMalformed):
            return await ack(response_action="errors", errors={REASON_BLOCK: _NOT_YOURS})
        if not submitted.reason.strip():
            return await ack(response_action="errors", errors={REASON_BLOCK: _BLANK})
        at = self._now()
        return await self._begun(ack, self._desk.submit(submitted, at))

    async def _begun(self, ack: AsyncAck, work: Coroutine[Any, Any, None]) -> BoltResponse | None:
        try:
            _ = self._in_hand.start(_timed(work))
        except Overloaded:
            work.close()
            log.warning("slack.busy")
            return BoltResponse(status=BUSY)
        return await ack()

    def _now(self) -> int:
        return int(self._wall() * 1000)


async def _timed(work: Coroutine[Any, Any, None]) -> None:
    """Do it within a bounded time: whoever sees no answer tries again, and the same vote counts once."""
    try:
        async with asyncio.timeout(WORK_SECONDS):
            await work
    except TimeoutError:
        log.warning("slack.too_slow", seconds=WORK_SECONDS)


async def _seen(ack: AsyncAck) -> None:
    """A button that opens a page is told of, too."""
    await ack()


async def _authorized(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Let everybody in: the desk judges, and says why not. Nothing is called with a token of bolt's."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
