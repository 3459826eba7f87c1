"""Taking a vote away."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.codec import decode_ticket, encode_person, vote_of, withdrawal_data
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link, written
from authz.adapters.redis.load import hashes_of
from authz.adapters.redis.script import packaged
from authz.domain.voting import WITHDRAWALS_MAX, may_withdraw_again
from authz.services.ports import Loaded

_SCRIPT = packaged("withdraw", prelude=True)


async def withdraw(link: Link, keys: Keys, ticket_id: str, rev: int, person: str) -> Loaded | None:
    """Take the vote of this person away if the ticket is still pending at `rev` and before its deadline; else None.

    Which vote that is, and how many this person has withdrawn, is read first: neither can be another at this `rev`.
    Raises StoreUnavailable and RecordUnreadable.
    """
    _, [flat] = await hashes_of(link, keys, [keys.ticket(ticket_id)])
    ticket = decode_ticket(flat) if flat else None
    if ticket is None or ticket.rev != rev or not may_withdraw_again(ticket, person):
        return None
    found = vote_of(flat, person)
    if found is None:
        return None
    number, vote = found
    args = (ticket_id, rev, number, withdrawal_data(vote), WITHDRAWALS_MAX, encode_person(person))
    reply = await link.run(_SCRIPT, (*keys.shared, keys.ticket(ticket_id)), args, lasting=written)
    if reply is None:
        return None
    now, changed = cast("tuple[bytes, list[bytes]]", reply)
    return Loaded(decode_ticket(changed), int(now))
