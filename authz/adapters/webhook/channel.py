"""A signed webhook as a Channel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
import orjson

from authz.adapters.http_post.answer import Answer
from authz.adapters.http_post.poster import Poster
from authz.adapters.webhook.event import event_id, review_event, ticket_event
from authz.adapters.webhook.signature import signed
from authz.domain.events import EventType
from authz.services.ports import Alarm, Posting

EVENTS = frozenset(EventType)
_ADVICE = "a receiver answers 2xx; check the channel's url and secrets, and what the receiver logged"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """`public_url` is the source of the events. `keys` sign, each. `timeout_s` bounds each post as a whole."""

    public_url: str
    keys: Sequence[bytes]
    per_second: int = 100
    timeout_s: float = 15.0


class WebhookChannel:
    """One receiver. `clock` is in seconds since the epoch: receivers refuse what was signed long ago."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        settings: WebhookSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare to post. Raises ValueError, without the address, when `url` can't be posted to."""
        self._settings = settings
        self._clock = clock
        self._poster = Poster(client, url, per_second=settings.per_second, timeout_s=settings.timeout_s)

    @property
    def events(self) -> frozenset[EventType]:
        """All of them: a program leaves out by itself what it doesn't need."""
        return EVENTS

    async def send(self, posting: Posting) -> str:
        """Post the event of a ticket and return its id, which stays the same however often it is sent.

        Raises DeliveryDelayed after 408, 425, 429, 5xx and anything short of an answer, and DeliveryRefused after
        every other answer than 2xx. 410 Gone is one of these.
        """
        identifier = event_id(posting.type, posting.ticket.id, posting.rev)
        return await self._sent(identifier, ticket_event(posting, self._settings.public_url))

    async def alarm(self, alarm: Alarm) -> str:
        """Post the event of a use of break-glass, as `send` does one of a ticket."""
        identifier = event_id(alarm.type, alarm.review.id, alarm.rev)
        return await self._sent(identifier, review_event(alarm, self._settings.public_url))

    async def _sent(self, identifier: str, event: dict[str, object]) -> str:
        body = orjson.dumps(event)

        def headers() -> Mapping[str, str]:
            signature = signed(identifier, int(self._clock()), body, self._settings.keys)
            return {"content-type": "application/cloudevents+json", **signature}

        await self._poster.post(body, headers, _accepted, _ADVICE)
        return identifier


def _accepted(answer: Answer) -> bool:
    return answer.success
