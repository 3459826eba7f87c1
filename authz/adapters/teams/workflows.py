"""The Workflows webhook of Power Automate, which posts a card into a Teams channel or chat.

It answers 202 with an empty body ("accepted", which isn't "posted"), takes 28 KB and 4 requests a second. A
posted card can't be changed, so what happens later is posted as a short card of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from authz.adapters.cards.rows import CardLimits
from authz.adapters.http_post.answer import Answer
from authz.adapters.http_post.poster import Poster
from authz.adapters.teams.envelope import alarm_envelope, digest_envelope, envelope
from authz.domain.events import EventType
from authz.services.digest import Digest
from authz.services.ports import Alarm, Posting

PER_SECOND = 4

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
        EventType.TICKET_REMINDED,
        EventType.TICKET_ESCALATED,
        EventType.BREAKGLASS_USED,
        EventType.BREAKGLASS_REVIEWED,
    }
)


@dataclass(frozen=True, slots=True)
class WorkflowsSettings:
    """`public_url` is where people reach the console. `timeout_s` bounds each post as a whole."""

    public_url: str
    per_second: int = PER_SECOND
    timeout_s: float = 15.0
    limits: CardLimits = field(default_factory=CardLimits)


class WorkflowsChannel:
    """One webhook as a Channel."""

    def __init__(self, client: httpx.AsyncClient, url: str, settings: WorkflowsSettings) -> None:
        """Prepare to post. Raises ValueError, without the address, when `url` can't be posted to."""
        self._settings = settings
        self._poster = Poster(client, url, per_second=settings.per_second, timeout_s=settings.timeout_s)

    @property
    def events(self) -> frozenset[EventType]:
        """A ticket's start, what is told while nobody decides, each outcome, and what was taken back."""
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

    @property
    def in_place(self) -> bool:
        """See Digesting."""
        return False

    async def digest(self, digest: Digest, reference: str) -> str:  # noqa: ARG002 - nothing can be changed here
        """Post the card that stands for many tickets; the reference is empty. Else as `send`."""
        await self._sent(digest_envelope(digest, self._settings.public_url))
        return ""

    async def _sent(self, message: bytes) -> str:
        advice = "a Workflows webhook answers 202; check the address and the flow behind it"
        await self._poster.post(message, _headers, _accepted, advice)
        return "accepted"


def _headers() -> Mapping[str, str]:
    return {"content-type": "application/json"}


def _accepted(answer: Answer) -> bool:
    """A body where none is expected is a sign-in page of a proxy, or a webhook of another kind."""
    return answer.status == httpx.codes.ACCEPTED or (answer.success and answer.empty)
