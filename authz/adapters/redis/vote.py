"""Recording a vote and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from authz.adapters.redis.codec import decode_ticket, encode_data, encode_vote, vote_data
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link, written
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.ticket import State, Vote
from authz.services.ports import Loaded

_SCRIPT = packaged("vote", prelude=True)
_OUTCOMES = {State.PENDING, State.APPROVED, State.REJECTED}


async def vote(  # noqa: PLR0913, PLR0917 - the port's arguments, and where
    link: Link,
    keys: Keys,
    settings: RedisSettings,
    ticket_id: str,
    rev: int,
    votes: Sequence[Vote],
    state: State,
    reason: Mapping[str, object],
    until: int | None,
) -> Loaded | None:
    """Add the last of `votes` if the ticket is still pending at `rev`, and before its deadline and `until`; else None.

    The earlier votes are stored already and can't have changed at this `rev`. Raises StoreUnavailable,
    RecordUnreadable, and ValueError for no vote or a state that no vote leads to.
    """
    if not votes or state not in _OUTCOMES:
        msg = f"{len(votes)} votes can't lead to {state.value}"
        raise ValueError(msg)
    args = (
        ticket_id,
        rev,
        len(votes) - 1,
        state.value,
        encode_vote(votes[-1]),
        vote_data(votes[-1], reason),
        encode_data(reason),
        settings.retention_ms,
        settings.reject_cooldown_ms,
        settings.body_retention_ms,
        "" if until is None else until,
    )
    names = (*keys.shared, keys.ticket(ticket_id), keys.body(ticket_id))
    reply = await link.run(_SCRIPT, names, args, lasting=written)
    if reply is None:
        return None
    now, flat = cast("tuple[bytes, list[bytes]]", reply)
    return Loaded(decode_ticket(flat), int(now))
