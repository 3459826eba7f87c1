"""Reading what is kept of a request's body. It lies beside the ticket, so that a Check never reads it."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.earlier_record import body_inside
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link


async def body(link: Link, keys: Keys, ticket_id: str) -> bytes | None:
    """Return what is kept of a body, None where nothing is. Raises StoreUnavailable and RecordUnreadable."""
    place = keys.body(ticket_id)
    kept = cast("bytes | None", await link.command("GET", place, key=place))
    if kept is not None:
        return kept
    record = await link.command("HGET", keys.ticket(ticket_id), "record", key=place)
    return body_inside(cast("bytes | None", record))
