"""The message that a Workflows webhook takes: one card, below the size at which the vendor drops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import orjson

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams.alarm_card import alarm_card
from authz.adapters.teams.card import ticket_card
from authz.adapters.teams.digest_card import digest_card
from authz.adapters.teams.elements import AdaptiveCard
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryRefused, Posting

CARD_CONTENT_TYPE = "application/vnd.microsoft.card.adaptive"

MAX_BYTES = 27_000
"""The vendor's limit is 28 KB of the message as it is stored, which isn't quite what is sent."""

_DIVISORS = (1, 2, 4, 8, 16)

T = TypeVar("T")


def envelope(posting: Posting, public_url: str, limits: CardLimits, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the JSON of a message with a ticket's card, its texts cut visibly until it is small enough.

    Raises DeliveryRefused when even the shortest card is larger than `max_bytes`.
    """
    ticket = posting.ticket
    return _fitting(lambda smaller: ticket_card(posting, public_url, smaller), limits, max_bytes, ticket.id)


def alarm_envelope(alarm: Alarm, public_url: str, limits: CardLimits, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the same for a use of break-glass. Raises DeliveryRefused."""
    review = alarm.review
    return _fitting(lambda smaller: alarm_card(alarm, public_url, smaller), limits, max_bytes, review.id)


def digest_envelope(digest: Digest, public_url: str) -> bytes:
    """Return the JSON of a message with the card that stands for many tickets."""
    return orjson.dumps(_message(digest_card(digest, public_url)))


def shrunk(make: Callable[[CardLimits], T], limits: CardLimits, max_bytes: int, identifier: str) -> T:
    """Return what `make` makes with the largest limits, at most these, with which it is small enough.

    Raises DeliveryRefused when even the smallest is larger than `max_bytes`.
    """
    for divisor in _DIVISORS:
        made = make(limits.smaller(divisor))
        if len(orjson.dumps(made)) < max_bytes:
            return made
    msg = f"the card of {identifier} can't be made smaller than {max_bytes} bytes"
    raise DeliveryRefused(msg)


def _fitting(
    make: Callable[[CardLimits], AdaptiveCard], limits: CardLimits, max_bytes: int, identifier: str
) -> bytes:
    return orjson.dumps(shrunk(lambda smaller: _message(make(smaller)), limits, max_bytes, identifier))


def _message(content: AdaptiveCard) -> dict[str, object]:
    attachment = {"contentType": CARD_CONTENT_TYPE, "contentUrl": None, "content": content}
    return {"type": "message", "summary": content["fallbackText"], "attachments": [attachment]}
