"""Messages of Slack that come by HTTP: `POST /slack/events`, believed for their signature alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.adapters.slack.signature import SlackSignature
from authz.entrypoints.chat.slack_app import BUSY, SlackApp

PATH: Final = "/slack/events"
BODY_MAX: Final = 512 * 1024
"""A press brings the whole message that it was on."""

BODY_SECONDS: Final = 3.0
_FIELDS_MAX: Final = 64
_FORM: Final = "application/x-www-form-urlencoded"

log = structlog.get_logger("holdgate.slack")


@dataclass(frozen=True, slots=True)
class SignedApp:
    """An app, and the secret that Slack signs its messages with."""

    app: SlackApp
    signature: SlackSignature


class SlackEvents:
    """Takes the messages of several apps, told apart by who signed them."""

    def __init__(self, apps: Sequence[SignedApp]) -> None:
        self._apps = apps

    def route(self) -> Route:
        """The one address, for buttons, windows and commands alike."""
        return Route(PATH, self._take, methods=["POST"])

    async def _take(self, request: Request) -> Response:
        """Answer 401 to whatever isn't Slack's, 413 and 408 to what is too much or too slow, 503 when too busy."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _bounded(request)
        except TimeoutError:
            return Response("too slow\n", 408)
        if body is None:
            return Response("too large\n", 413)
        app = self._signer(request, body)
        if app is None:
            log.warning("slack.unsigned", length=len(body))
            return Response("not signed by Slack\n", 401)
        payload = _payload(body, request.headers.get("content-type", ""))
        if payload is None:
            return Response("not readable\n", 400)
        answer = await app.dispatch(payload)
        kind = answer.headers.get("content-type", ["text/plain"])[0]
        headers = {"retry-after": "1"} if answer.status == BUSY else {}
        return Response(answer.body, answer.status, headers, media_type=kind)

    def _signer(self, request: Request, body: bytes) -> SlackApp | None:
        stamps = request.headers.getlist("x-slack-request-timestamp")
        signatures = request.headers.getlist("x-slack-signature")
        if len(stamps) != 1 or len(signatures) != 1:
            return None
        return next(
            (one.app for one in self._apps if one.signature.verifies(body, stamps[0], signatures[0])), None
        )


async def _bounded(request: Request) -> bytes | None:
    """Return the body, None for one that is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return bytes(body)


def _payload(body: bytes, content_type: str) -> dict[str, Any] | None:
    """Read a form: a press or a window is JSON in its one field, a command has a field for each thing."""
    try:
        text = body.decode("utf-8")
        if content_type.partition(";")[0].strip().lower() != _FORM:
            return _document(text)
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
        fields: dict[str, Any] = dict(pairs)
        if len(fields) != len(pairs):
            return None
        return _document(fields["payload"]) if set(fields) == {"payload"} else fields
    except (ValueError, RecursionError):
        return None


def _document(text: str) -> dict[str, Any] | None:
    document = json.loads(text)
    return document if isinstance(document, dict) else None
