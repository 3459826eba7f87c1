"""Ending a ticket by somebody's will."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.codec import decode_ticket, encode_ending, ending_data
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link, written
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.events import EventType
from authz.domain.ticket import Ending, State
from authz.services.ports import Loaded

_SCRIPT = packaged("end", prelude=True)
_ENDS = {
    State.CANCELLED: (State.PENDING, EventType.TICKET_CANCELLED),
    State.REVOKED: (State.APPROVED, EventType.GRANT_REVOKED),
}


async def end(  # noqa: PLR0913, PLR0917 - the port's arguments, and where
    link: Link, keys: Keys, settings: RedisSettings, ticket_id: str, rev: int, state: State, ending: Ending
) -> Loaded | None:
    """Cancel a pending ticket or revoke a grant if it lives at `rev` and before its deadline; else None.

    Raises StoreUnavailable, RecordUnreadable, and ValueError for a state that nobody's will leads to.
    """
    if state not in _ENDS:
        msg = f"nobody can end a ticket as {state.value}"
        raise ValueError(msg)
    before, event = _ENDS[state]
    args = (
        ticket_id,
        rev,
        before.value,
        state.value,
        event.value,
        encode_ending(ending),
        ending_data(ending),
        settings.retention_ms,
        settings.body_retention_ms,
    )
    reply = await link.run(
        _SCRIPT, (*keys.shared, keys.ticket(ticket_id), keys.body(ticket_id)), args, lasting=written
    )
    if reply is None:
        return None
    now, flat = cast("tuple[bytes, list[bytes]]", reply)
    return Loaded(decode_ticket(flat), int(now))
