"""What a webhook answered, and what follows from it where that is no acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from authz.adapters.http_post.retry_after import http_date, retry_after_s
from authz.services.ports import DeliveryDelayed, DeliveryRefused

PAUSE_MAX_S = 24 * 3600.0
"""Nobody decides about a ticket that is older than this, so a longer pause is a refusal."""

_RETRIABLE = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """`empty` says whether there was no body; what a body says is not for us. Names in `headers` are lowercase."""

    status: int
    headers: Mapping[str, str]
    empty: bool

    @property
    def success(self) -> bool:
        """Whether the status is 2xx."""
        return httpx.codes.is_success(self.status)


def failure(answer: Answer, advice: str) -> DeliveryDelayed | DeliveryRefused:
    """Return what to raise: delayed after 408, 425, 429 and 5xx, and else refused, with the advice."""
    status = answer.status
    if status not in _RETRIABLE and status < httpx.codes.INTERNAL_SERVER_ERROR:
        return DeliveryRefused(f"the webhook answered {status}: {advice}")
    now = http_date(answer.headers.get("date")) or datetime.now(UTC)
    after_s = retry_after_s(answer.headers.get("retry-after"), now)
    if after_s > PAUSE_MAX_S:
        return DeliveryRefused(
            f"the webhook answered {status} and asks to wait {after_s:.0f} s: no ticket lives so long"
        )
    return DeliveryDelayed(f"the webhook answered {status}", after_s)
