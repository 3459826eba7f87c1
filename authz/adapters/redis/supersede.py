"""Ending a ticket in favour of another one."""

from __future__ import annotations

from authz.adapters.redis.codec import encode_data
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Link
from authz.adapters.redis.opening import LOOKS, Opening
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import TicketDraft
from authz.services.ports import Created

_SCRIPT = packaged("pace", "opening", "supersede", prelude=True)


async def supersede(  # noqa: PLR0913, PLR0917 - the port's arguments, and where
    link: Link,
    keys: Keys,
    settings: RedisSettings,
    ticket_id: str,
    rev: int,
    draft: TicketDraft,
    body: bytes,
    *,
    closed: bool,
) -> Created | None:
    """Replace a ticket that lives at `rev` by the draft, or by another ticket that answers for it; else None.

    One round trip where the old ticket was the one that answers. While `closed` there is no new one. Raises
    TooManyTickets, StoreUnavailable and RecordUnreadable; the old ticket is then as it was.
    """
    opening = Opening(keys, settings, draft, body, closed=closed)
    old = (keys.ticket(ticket_id), keys.body(ticket_id))
    believed = ticket_id if draft.answers_for else ""
    for _ in range(LOOKS):
        args: list[Argument] = [*opening.args(believed), ticket_id, rev, _data(draft.id), _data(believed)]
        reply = await link.run(_SCRIPT, [*opening.names(believed), *old], args)
        if reply is None:
            return None
        found = opening.created(reply)
        if isinstance(found, Created):
            return found
        believed = found
    raise StoreUnavailable(f"the ticket of an equal request changed {LOOKS} times while it was looked up")


def _data(replaced_by: str) -> bytes:
    return encode_data({"replaced_by": replaced_by})
