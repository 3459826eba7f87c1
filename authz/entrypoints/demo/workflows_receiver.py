"""A stand-in for the Workflows webhook of Power Automate: checks what the vendor checks, keeps what it got.

It refuses what the real one would refuse, or would take and then drop without a word: another content type,
a wrong envelope, a card of an unknown kind or version, more than 28 KB, more than four requests a second.
What it took is at `GET /messages`, newest last. It is meant for a loopback address.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CARD_CONTENT_TYPE: Final = "application/vnd.microsoft.card.adaptive"
MAX_BYTES: Final = 28 * 1024
READ_MAX: Final = 4 * MAX_BYTES
NEWEST_VERSION: Final = (1, 4)
WINDOW_S: Final = 1.0
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived. `at` is by the monotonic clock, `message` None unless it was kept."""

    at: float
    status: int
    why: str
    message: dict[str, object] | None


class Unacceptable(Exception):
    """A request the vendor would not take, with the status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class WorkflowsReceiver:
    """The webhook. `signature` is the secret part of its address; `per_second` 0 means no limit.

    `clock` is in seconds.
    """

    def __init__(
        self,
        signature: str,
        *,
        keep: int = 200,
        per_second: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._signature = signature
        self._per_second = per_second
        self._recent: deque[float] = deque()
        self.received: deque[Received] = deque(maxlen=keep)
        self.arrived = asyncio.Condition()

    @property
    def messages(self) -> list[dict[str, object]]:
        """What was taken, oldest first."""
        return [entry.message for entry in self.received if entry.message is not None]

    def path(self) -> str:
        """Return the path and query to post to."""
        return f"/workflows/holdgate/triggers/manual/paths/invoke?api-version=1&sig={self._signature}"

    def app(self, more: Iterable[Route] = ()) -> Starlette:
        """Return the ASGI application, with `more` routes. Only names of this machine are answered (DNS rebinding)."""
        return Starlette(
            routes=[
                Route("/workflows/holdgate/triggers/manual/paths/invoke", self._post, methods=["POST"]),
                Route("/messages", self._list, methods=["GET"]),
                *more,
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        )

    async def _list(self, _request: Request) -> Response:
        return JSONResponse({"messages": self.messages})

    async def _post(self, request: Request) -> Response:
        message: dict[str, object] | None = None
        why = "accepted"
        response = Response(status_code=202)
        try:
            self._authorise(request)
            self._count()
            message = check(request.headers.get("content-type", ""), await _read(request))
        except Unacceptable as error:
            why = error.why
            headers = {"retry-after": "1"} if error.status == TOO_MANY else {}
            response = JSONResponse({"error": {"message": error.why}}, error.status, headers)
        await self._keep(response, why, message)
        return response

    async def _keep(self, response: Response, why: str, message: dict[str, object] | None) -> None:
        async with self.arrived:
            self.received.append(Received(self._clock(), response.status_code, why, message))
            self.arrived.notify_all()

    def _authorise(self, request: Request) -> None:
        if not hmac.compare_digest(request.query_params.get("sig", "").encode(), self._signature.encode()):
            raise Unacceptable(401, "the signature in the address is missing or wrong")

    def _count(self) -> None:
        """Count a request against the sliding second, or refuse it."""
        now = self._clock()
        while self._recent and now - self._recent[0] >= WINDOW_S:
            self._recent.popleft()
        if self._per_second and len(self._recent) >= self._per_second:
            raise Unacceptable(TOO_MANY, f"more than {self._per_second} requests in a second")
        self._recent.append(now)


async def _read(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > READ_MAX:
                break
    except ClientDisconnect as error:
        raise Unacceptable(400, "the client went away in the middle of the body") from error
    return body


def check(content_type: str, body: bytes) -> dict[str, object]:
    """Return the message if the vendor would post it. Raises Unacceptable."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Unacceptable(415, "the content type is not application/json")
    if len(body) > MAX_BYTES:
        raise Unacceptable(413, f"the message has more than {MAX_BYTES} bytes")
    try:
        message = json.loads(body)
    except ValueError as error:
        raise Unacceptable(400, "the body is not JSON") from error
    if not isinstance(message, dict) or message.get("type") != "message":
        raise Unacceptable(400, "the body is not an object of type message")
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or len(attachments) != 1:
        raise Unacceptable(400, "attachments is not an array of one")
    _check_attachment(attachments[0])
    return message


def _check_attachment(attachment: object) -> None:
    if not isinstance(attachment, dict) or attachment.get("contentType") != CARD_CONTENT_TYPE:
        raise Unacceptable(400, f"the attachment's contentType is not {CARD_CONTENT_TYPE}")
    card = attachment.get("content")
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise Unacceptable(400, "the attachment's content is not an AdaptiveCard")
    if not isinstance(card.get("body"), list) or not card["body"]:
        raise Unacceptable(400, "the card has no body")
    major, _, minor = str(card.get("version")).partition(".")
    if not (major.isdigit() and minor.isdigit()) or (int(major), int(minor)) > NEWEST_VERSION:
        raise Unacceptable(400, "the card's version is not 1.0 to 1.4")
