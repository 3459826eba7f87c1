"""Reading the audit stream."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.domain.errors import RecordUnreadable
from authz.domain.events import Event, EventType

_POSITION = re.compile(r"\d{1,20}(-\d{1,20})?", re.ASCII)
_OWN = {b"type", b"ticket", b"rev", b"at", b"data"}


async def events(link: Link, keys: Keys, after: str, limit: int, block_ms: int) -> Sequence[Event]:
    """Return up to `limit` events after a position, waiting up to `block_ms` for the first.

    Numbers that the script itself worked out (`uses_left`, `window_until`, …) join the data of the event.
    Raises StoreUnavailable, RecordUnreadable, and ValueError for a position that no event has.
    """
    if not _POSITION.fullmatch(after):
        msg = f"{after!r} is not the position of an event"
        raise ValueError(msg)
    # BLOCK 0 would mean for ever.
    block = ("BLOCK", block_ms) if block_ms > 0 else ()
    args = ("XREAD", "COUNT", limit, *block, "STREAMS", keys.audit, after)
    reply = await link.command(*args, wait_ms=max(0, block_ms))
    if reply is None:
        return ()
    streams = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
    return [_event(position, flat) for position, flat in streams[0][1]]


async def last_position(link: Link, keys: Keys) -> str:
    """Return the newest event's position, `0` when there is none. Raises StoreUnavailable."""
    newest = cast(
        "list[tuple[bytes, list[bytes]]]", await link.command("XREVRANGE", keys.audit, "+", "-", "COUNT", 1)
    )
    return newest[0][0].decode() if newest else "0"


def _event(position: bytes, flat: Sequence[bytes]) -> Event:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    try:
        numbers = {name.decode(): int(value) for name, value in fields.items() if name not in _OWN}
        return Event(
            position=position.decode(),
            type=EventType(fields[b"type"].decode()),
            ticket_id=fields[b"ticket"].decode(),
            rev=int(fields[b"rev"]),
            at=int(fields[b"at"]),
            data={**json.loads(fields[b"data"]), **numbers},
        )
    except (KeyError, ValueError) as error:
        what = f"audit event {position.decode()} is not one this release can read: {error!r}"
        raise RecordUnreadable(what) from error
