"""The message that a Workflows webhook takes: one card, below the size at which the vendor drops it."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from authz.adapters.teams.alarm_card import alarm_card
from authz.adapters.teams.card import CardLimits, ticket_card
from authz.adapters.teams.elements import AdaptiveCard
from authz.services.ports import Alarm, DeliveryRefused, Posting

CARD_CONTENT_TYPE = "application/vnd.microsoft.card.adaptive"

MAX_BYTES = 27_000
"""The vendor's limit is 28 KB of the message as it is stored, which isn't quite what is sent."""

_DIVISORS = (1, 2, 4, 8, 16)


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


def _fitting(
    make: Callable[[CardLimits], AdaptiveCard], limits: CardLimits, max_bytes: int, identifier: str
) -> bytes:
    for divisor in _DIVISORS:
        content = make(limits.smaller(divisor))
        attachment = {"contentType": CARD_CONTENT_TYPE, "contentUrl": None, "content": content}
        message = orjson.dumps(
            {"type": "message", "summary": content["fallbackText"], "attachments": [attachment]}
        )
        if len(message) < max_bytes:
            return message
    msg = f"the card of {identifier} can't be made smaller than {max_bytes} bytes"
    raise DeliveryRefused(msg)
