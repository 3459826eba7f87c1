"""Storing a new ticket, once for equal requests."""

from __future__ import annotations

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.opening import LOOKS, Opening
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreUnavailable
from authz.domain.request import CheckId
from authz.domain.ticket import TicketDraft
from authz.services.ports import Created

_SCRIPT = packaged("pace", "opening", "create", prelude=True)


async def create(  # noqa: PLR0913, PLR0917 - the port's arguments, and where
    link: Link,
    keys: Keys,
    settings: RedisSettings,
    draft: TicketDraft,
    body: bytes,
    check: CheckId | None,
    *,
    closed: bool,
) -> Created:
    """Store a draft and what is kept of its body, or return the ticket that answers for an equal request.

    A new ticket takes one round trip, a known one two. While `closed` there is no new one. Raises TooManyTickets,
    StoreUnavailable and RecordUnreadable.
    """
    opening = Opening(keys, settings, draft, body, check, closed=closed)
    believed = ""
    for _ in range(LOOKS):
        found = opening.created(await link.run(_SCRIPT, opening.names(believed), opening.args(believed)))
        if isinstance(found, Created):
            return found
        believed = found
    raise StoreUnavailable(f"the ticket of an equal request changed {LOOKS} times while it was looked up")
