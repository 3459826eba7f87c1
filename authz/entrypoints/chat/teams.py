"""`POST /api/messages`: everything that Teams sends to the bot.

The vendor's token says who sent it (Authorization), not a session, so neither sign-in nor CSRF token belongs here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from authz.adapters.bot_framework.activity import BODY_MAX, Activity
from authz.adapters.bot_framework.refusal import ActivityMalformed, ActivityRefused
from authz.domain.errors import Overloaded, RecordUnreadable, StoreUnavailable
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.teams_commands import TeamsCommands
from authz.entrypoints.chat.teams_conversations import CHANGED, TeamsConversations
from authz.entrypoints.chat.teams_presses import NAME, TeamsPresses
from authz.entrypoints.console.local_only import why_not_local

log = structlog.get_logger("holdgate.teams")

PATH: Final = "/api/messages"
ANSWER_S: Final = 4.5
"""The vendor gives up on a press after five seconds."""

PROVE_S: Final = 3.0
"""For the body to arrive and its proof to be looked at: the vendor's keys may have to be fetched first."""


class Inbound(Protocol):
    """What this needs of InboundTokens."""

    async def receive(self, authorization: str | None, body: bytes) -> Activity:
        """Return the activity of a request that the vendor sent. Raises ActivityRefused and ActivityMalformed."""
        ...


@dataclass(frozen=True, slots=True)
class TeamsParts:
    """Who answers what. `local_only` refuses whatever doesn't come straight from this machine."""

    inbound: Inbound
    presses: TeamsPresses
    commands: TeamsCommands
    conversations: TeamsConversations
    in_hand: InHand
    local_only: bool = False


class TeamsMessages:
    """The one address of the bot. It answers within ANSWER_S, whatever it is asked."""

    def __init__(self, parts: TeamsParts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of the bot."""
        return [Route(PATH, self.receive, methods=["POST"], name="teams")]

    async def receive(self, request: Request) -> Response:
        """Take one activity: 401 without proof, 400 and 413 for what can't be read, else what it is answered with."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_S
        activity = await self._proven(request)
        if isinstance(activity, int):
            return _plain(activity)
        return await self._handled(activity, until - loop.time())

    async def _proven(self, request: Request) -> Activity | int:
        """Return what the vendor sent, or the status for what it didn't. Without any proof not even a body is read."""
        authorization = _authorization(request)
        if self._parts.local_only and (why_not_local(request) is not None or _from_a_page(request)):
            log.warning("teams.not_local")
            return 403
        if authorization is None and not self._parts.local_only:
            log.warning("teams.refused", code="token-missing", problem="there is no Authorization header")
            return 401
        try:
            async with asyncio.timeout(PROVE_S):
                return await self._received(request, authorization)
        except TimeoutError:
            log.warning(
                "teams.refused", code="too-slow", problem="it couldn't be proven in time who sent this"
            )
            return 401

    async def _received(self, request: Request, authorization: str | None) -> Activity | int:
        body = await _bounded_body(request)
        if body is None:
            return 413
        try:
            return await self._parts.inbound.receive(authorization, body)
        except ActivityRefused as refused:
            log.warning("teams.refused", code=refused.code, problem=str(refused))
            return 401
        except ActivityMalformed as malformed:
            log.warning("teams.malformed", problem=str(malformed))
            return 400

    async def _handled(self, activity: Activity, patience_s: float) -> Response:
        if activity.type == "invoke":
            if activity.name != NAME:
                return _plain(501)  # what the vendor's own libraries answer
            return await self._parts.presses.answer(activity, patience_s)
        if activity.type not in CHANGED | {"message"}:
            return _plain(200)
        try:
            task = self._parts.in_hand.start(self._noted(activity))
        except Overloaded:
            log.warning("teams.busy")
            return _plain(429)
        done, _ = await asyncio.wait({task}, timeout=patience_s)
        return _plain(task.result() if done else 202)

    async def _noted(self, activity: Activity) -> int:
        """Remember where it came from, have it answered if it is a command, and return the status to answer."""
        try:
            await self._parts.conversations.note(activity)
        except (StoreUnavailable, RecordUnreadable) as error:
            log.warning("teams.unavailable", error=type(error).__name__)
            if activity.type in CHANGED:
                return 503  # so that the vendor tells again
        if activity.type == "message":
            await self._parts.commands.answer(activity)
        return 200


async def _bounded_body(request: Request) -> bytes | None:
    """Return the body, None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return bytes(body)


def _from_a_page(request: Request) -> bool:
    """Say whether a browser may have sent this: any page that somebody on this machine opens, which would be believed.

    JSON is what a page of another origin can't send without asking first, which nothing here allows.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "origin" in request.headers or "sec-fetch-site" in request.headers or kind != "application/json"


def _authorization(request: Request) -> str | None:
    """Return the one Authorization header; "" for several, which prove nothing."""
    found = request.headers.getlist("authorization")
    return (found[0] if len(found) == 1 else "") if found else None


def _plain(status: int) -> Response:
    return JSONResponse({}, status)
