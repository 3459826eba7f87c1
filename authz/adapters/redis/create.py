"""Storing a new ticket, once for equal requests."""

from __future__ import annotations

from hashlib import sha256
from typing import cast

from authz.adapters.redis.codec import decode_ticket, draft_data, encode_draft
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreUnavailable, TooManyTickets
from authz.domain.identity import Identity
from authz.domain.ticket import TicketDraft
from authz.services.ports import Created

_SCRIPT = packaged("create", prelude=True)
_LOOKS = 4


async def create(link: Link, keys: Keys, settings: RedisSettings, draft: TicketDraft, body: bytes) -> Created:
    """Store a draft and what is kept of its body, or return the ticket that answers for an equal request.

    A new ticket takes one round trip, a known one two. Raises TooManyTickets, StoreUnavailable and
    RecordUnreadable.
    """
    demand = draft.requirement
    digest = draft.fingerprint.digest
    args = (
        encode_draft(draft),
        digest,
        _requester(draft.requester.identity),
        demand.expires_in_ms,
        demand.valid_for_ms,
        demand.uses,
        settings.max_open_total,
        settings.max_open_per_requester,
        settings.retention_ms,
        settings.reject_cooldown_ms,
        draft_data(draft),
        body,
        settings.body_retention_ms,
    )
    believed = ""
    for _ in range(_LOOKS):
        names = [
            *keys.shared,
            keys.ticket(draft.id),
            keys.body(draft.id),
            keys.same(draft.answers_for or draft.id),
        ]
        if believed:
            names.append(keys.ticket(believed))
        reply = cast("list[bytes | list[bytes]]", await link.run(_SCRIPT, names, (draft.id, believed, *args)))
        match reply:
            case [b"created" | b"existing" as verdict, bytes() as now, list() as flat]:
                return Created(decode_ticket(flat), int(now), created=verdict == b"created")
            case [b"moved", bytes() as named]:
                believed = named.decode()
            case [b"total"]:
                raise TooManyTickets("total", settings.max_open_total)
            case [b"requester"]:
                raise TooManyTickets("requester", settings.max_open_per_requester)
            case _:
                raise StoreUnavailable(f"Redis answered a create with {reply!r}")
    raise StoreUnavailable(f"the ticket of an equal request changed {_LOOKS} times while it was looked up")


def _requester(identity: Identity) -> str:
    """One fixed-width word for a requester, whatever the identity contains."""
    ns, name = (text.encode("utf-8", "surrogatepass") for text in (identity.ns, identity.id))
    return sha256(b"%d:%b%b" % (len(ns), ns, name)).hexdigest()
