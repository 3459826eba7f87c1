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
    names = (keys.clock, *(keys.ticket(identifier) for identifier in identifiers))
    now, *hashes = cast("list[list[bytes]]", await link.run(_SCRIPT, names, ()))
    return int(cast("bytes", now)), [decode_ticket(flat) if flat else None for flat in hashes]
