"""The catalogue of what happens to tickets, one for audit, outbox and watchers.

An event is stored by the same script that makes it true, and is rendered as a CloudEvent (CloudEvents 1.0, JSON
format) when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from authz.domain.timestamps import rfc3339

EVENT_FORMAT = 1


class EventType(StrEnum):
    """Names as they stand in audit, outbox and webhooks."""

    TICKET_CREATED = "ticket.created"
    VOTE_RECORDED = "vote.recorded"
    VOTE_WITHDRAWN = "vote.withdrawn"
    TICKET_APPROVED = "ticket.approved"
    TICKET_REJECTED = "ticket.rejected"
    TICKET_EXPIRED = "ticket.expired"
    TICKET_CANCELLED = "ticket.cancelled"
    TICKET_SUPERSEDED = "ticket.superseded"
    GRANT_REDEEMED = "grant.redeemed"
    GRANT_USED_UP = "grant.used_up"
    GRANT_LAPSED = "grant.lapsed"
    GRANT_REVOKED = "grant.revoked"
    BREAKGLASS_USED = "breakglass.used"
    BREAKGLASS_REVIEWED = "breakglass.reviewed"
    TICKET_REMINDED = "ticket.reminded"
    TICKET_ESCALATED = "ticket.escalated"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `position` is where a reader goes on after it; `at` is epoch ms by Redis."""

    position: str
    type: EventType
    ticket_id: str
    rev: int
    at: int
    data: Mapping[str, object]


def cloud_event(event: Event, source: str) -> dict[str, object]:
    """Render a CloudEvents 1.0 JSON object; `source` is a URI-reference naming this installation."""
    return {
        "specversion": "1.0",
        "id": f"{event.ticket_id}/{event.position}",
        "source": source,
        "type": event.type.value,
        "subject": event.ticket_id,
        "time": rfc3339(event.at),
        "datacontenttype": "application/json",
        "data": {"v": EVENT_FORMAT, "rev": event.rev, **event.data},
    }
