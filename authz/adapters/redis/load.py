"""Reading tickets, each batch with Redis's time of the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from authz.adapters.redis.codec import decode_ticket
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import packaged
from authz.domain.ticket import Ticket

_SCRIPT = packaged("load", prelude=True)


async def load(link: Link, keys: Keys, identifiers: Sequence[str]) -> tuple[int, list[Ticket | None]]:
    """Return the time (epoch ms) and the tickets in the order asked for, None where there is none.

    Raises StoreUnavailable and RecordUnreadable.
    """
    now, hashes = await hashes_of(link, keys, [keys.ticket(identifier) for identifier in identifiers])
    return now, [decode_ticket(flat) if flat else None for flat in hashes]


async def hashes_of(link: Link, keys: Keys, names: Sequence[str]) -> tuple[int, list[list[bytes]]]:
    """Return the time and the stored hashes of these keys as field, value, field, value; empty where there is none.

    Raises StoreUnavailable and RecordUnreadable.
    """
    now, *hashes = cast("list[list[bytes]]", await link.run(_SCRIPT, (keys.clock, *names), ()))
    return int(cast("bytes", now)), hashes
