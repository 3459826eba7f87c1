"""The Workflows webhook of Power Automate, which posts a card into a Teams channel or chat.

It answers 202 with an empty body ("accepted", which isn't "posted"), takes 28 KB and 4 requests a second. A
posted card can't be changed, so what happens later is posted as a short card of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from authz.adapters.teams.card import CardLimits
from authz.adapters.teams.envelope import alarm_envelope, envelope
from authz.adapters.teams.pace import Pace
from authz.adapters.teams.retry_after import http_date, retry_after_s
from authz.adapters.teams.secret_url import SecretUrl, unlogged
from authz.domain.events import EventType
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting

PER_SECOND = 4

PAUSE_MAX_S = 24 * 3600.0
"""Nobody decides about a ticket that is older than this, so a longer pause is a refusal."""

EVENTS = frozenset(
    {
        EventType.TICKET_CREATED,
        EventType.VOTE_WITHDRAWN,
        EventType.TICKET_APPROVED,
        EventType.TICKET_REJECTED,
        EventType.TICKET_EXPIRED,
        EventType.TICKET_CANCELLED,
        EventType.TICKET_SUPERSEDED,
        EventType.GRANT_REVOKED,
        EventType.BREAKGLASS_USED,
        EventType.BREAKGLASS_REVIEWED,
    }
)

_RETRIABLE = frozenset({408, 425, 429})


def webhook_client(
    timeout_s: float = 10.0, *, connections: int = 20, trust_env: bool = True
) -> httpx.AsyncClient:
    """Return a client with a bound on everything, for all webhooks of a process. The caller closes it.

    `timeout_s` bounds connecting, sending and waiting for bytes, each. `trust_env` lets HTTPS_PROXY count.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, pool=timeout_s),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30
        ),
        follow_redirects=False,
        trust_env=trust_env,
    )


@dataclass(frozen=True, slots=True)
class WorkflowsSettings:
    """`public_url` is where people reach the console. `timeout_s` bounds each post as a whole."""

    public_url: str
    per_second: int = PER_SECOND
    timeout_s: float = 15.0
    limits: CardLimits = field(default_factory=CardLimits)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    empty: bool


class WorkflowsChannel:
    """One webhook as a Channel."""

    def __init__(self, client: httpx.AsyncClient, url: str, settings: WorkflowsSettings) -> None:
        """Prepare to post. Raises ValueError, without the address, when `url` can't be posted to."""
        self._client = client
        self._url = SecretUrl(url)
        self._settings = settings
        self._pace = Pace(settings.per_second)

    @property
    def events(self) -> frozenset[EventType]:
        """A ticket's start, each outcome, and what was taken back; the uses of a grant are on the page."""
        return EVENTS

    async def send(self, posting: Posting) -> str:
        """Post one card; return `accepted`, because the webhook gives no message id.

        Raises DeliveryDelayed after 408, 425, 429, 5xx and anything short of an answer, and DeliveryRefused
        after every other answer than an acceptance.
        """
        return await self._sent(envelope(posting, self._settings.public_url, self._settings.limits))

    async def alarm(self, alarm: Alarm) -> str:
        """Post the card of a use of break-glass, as `send` does one of a ticket."""
        return await self._sent(alarm_envelope(alarm, self._settings.public_url, self._settings.limits))

    async def _sent(self, message: bytes) -> str:
        async with self._pace.turn() as back_after_s:
            if back_after_s > 0:
                msg = f"the webhook is busy, or asked for a pause: {back_after_s:.1f} s more"
                raise DeliveryDelayed(msg, back_after_s, tried=False)
            answer = await self._post(message)
            if isinstance(answer, str):
                raise DeliveryDelayed(answer)
            self._judge(answer)
        return "accepted"

    async def _post(self, message: bytes) -> _Answer | str:
        """Return the answer, its body read no further than its first bytes, or why there is none.

        The error of httpx holds the request and so the URL: it ends here, unchained to what is raised.
        """
        headers = {"content-type": "application/json"}
        try:
            with unlogged():
                async with (
                    asyncio.timeout(self._settings.timeout_s),
                    self._client.stream(
                        "POST", self._url.reveal(), content=message, headers=headers
                    ) as answer,
                ):
                    return _Answer(answer.status_code, answer.headers, await _is_empty(answer))
        except TimeoutError:
            return f"the webhook gave no answer in {self._settings.timeout_s:g} s"
        except httpx.HTTPError as error:
            return f"the webhook gave no answer ({type(error).__name__})"

    def _judge(self, answer: _Answer) -> None:
        status = answer.status
        if status == httpx.codes.ACCEPTED or (httpx.codes.is_success(status) and answer.empty):
            return
        if status in _RETRIABLE or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            now = http_date(answer.headers.get("date")) or datetime.now(UTC)
            after_s = retry_after_s(answer.headers.get("retry-after"), now)
            if after_s > PAUSE_MAX_S:
                msg = (
                    f"the webhook answered {status} and asks to wait {after_s:.0f} s: no ticket lives so long"
                )
                raise DeliveryRefused(msg)
            self._pace.pause(after_s)
            msg = f"the webhook answered {status}"
            raise DeliveryDelayed(msg, after_s)
        advice = "a Workflows webhook answers 202; check the address and the flow behind it"
        msg = f"the webhook answered {status}: {advice}"
        raise DeliveryRefused(msg)


async def _is_empty(answer: httpx.Response) -> bool:
    """Say whether there is a body. What it says is not for us: it may be a proxy's page of any length."""
    async for chunk in answer.aiter_raw():
        if chunk:
            return False
    return True
