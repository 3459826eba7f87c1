"""One question to the connector, and what its answer means.

Errors: https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-code-responses
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx
import orjson

from authz.adapters.http_post.retry_after import http_date, retry_after_s
from authz.adapters.http_post.secret_url import unlogged
from authz.services.ports import DeliveryDelayed, DeliveryRefused

ANSWER_MAX: Final = 64 * 1024

PAUSE_MAX_S: Final = 24 * 3600.0
"""Nobody decides about a ticket that is older than this, so a longer pause is a refusal."""

AGAIN: Final = frozenset({412, 429, 502, 504})
"""What the vendor wants to be tried again."""

_LATER: Final = frozenset({408, 425, 500, 503})
_SHUT_OUT: Final = frozenset(
    {
        "BotNotInConversationRoster",
        "ConversationBlockedByUser",
        "ForbiddenOperationException",
        "MessageWritesBlocked",
    }
)
_CODE: Final = re.compile(r"[A-Za-z]{1,64}", re.ASCII)


class ConversationGone(DeliveryRefused):
    """The bot isn't in this conversation (any more), or nobody is: it had better be forgotten."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the connector said. `id` and `code` (of an error) are empty where it named none."""

    status: int
    id: str
    code: str
    after_s: float

    @property
    def success(self) -> bool:
        """Whether the status is 2xx."""
        return httpx.codes.is_success(self.status)

    @property
    def words(self) -> str:
        """The status, with the vendor's word for it."""
        return f"the connector answered {self.status}{' ' if self.code else ''}{self.code}"

    @property
    def gone(self) -> bool:
        """Whether there is nothing to write to."""
        return self.status == httpx.codes.NOT_FOUND or (
            self.status == httpx.codes.FORBIDDEN and self.code in _SHUT_OUT
        )


async def exchange(client: httpx.AsyncClient, request: httpx.Request, timeout_s: float) -> Answer:
    """Send a request and return its answer, at most ANSWER_MAX bytes of it. Raises DeliveryDelayed for none.

    The error of httpx holds the request and so the token: it ends here, unchained to what is raised.
    """
    failure = ""
    try:
        with unlogged():
            async with asyncio.timeout(timeout_s):
                response = await client.send(request, stream=True, follow_redirects=False)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
    except TimeoutError:
        failure = f"the connector gave no answer in {timeout_s:g} s"
    except httpx.HTTPError as error:
        failure = f"the connector gave no answer ({type(error).__name__})"
    raise DeliveryDelayed(failure)


async def _read(response: httpx.Response) -> Answer:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > ANSWER_MAX:
            body.clear()
            break
    now = http_date(response.headers.get("date")) or datetime.now(UTC)
    after_s = retry_after_s(response.headers.get("retry-after"), now)
    try:
        document = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        document = {}
    identifier = document.get("id")
    return Answer(
        response.status_code, identifier if isinstance(identifier, str) else "", _code(document), after_s
    )


def _code(document: Mapping[str, object]) -> str:
    """Return the vendor's word for an error; its message is not for our logs."""
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def failure_of(answer: Answer) -> DeliveryDelayed | DeliveryRefused:
    """Return what to raise of an answer that is no success."""
    if answer.gone:
        return ConversationGone(f"{answer.words}: the bot isn't in there any more, or what is meant isn't")
    if answer.status == httpx.codes.UNAUTHORIZED:
        return DeliveryRefused(f"{answer.words}: is this bot registered with this app id, in this tenant?")
    if answer.status not in AGAIN | _LATER and answer.status < httpx.codes.INTERNAL_SERVER_ERROR:
        return DeliveryRefused(answer.words)
    if answer.after_s > PAUSE_MAX_S:
        return DeliveryRefused(
            f"{answer.words} and asks to wait {answer.after_s:.0f} s: no ticket lives so long"
        )
    return DeliveryDelayed(answer.words, answer.after_s)
