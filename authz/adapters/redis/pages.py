"""Tickets of all partitions as one list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.load import load
from authz.domain.ticket import State, Ticket
from authz.services.ports import Page


async def page(link: Link, partitions: Sequence[Keys], state: State | None, limit: int, cursor: str) -> Page:
    """Return up to `limit` tickets. Raises StoreUnavailable and RecordUnreadable.

    The cursor is the last ticket's place in the index, `CREATED:ID`: it stays its own when the ticket leaves the
    state, and it is a place in every partition, because all are ordered alike.
    """
    scope = state.value if state else "all"
    found = await all_of(_places(link, keys, scope, limit, cursor) for keys in partitions)
    pairs = [(place, number) for number, places in enumerate(found) for place in places]
    chosen = sorted(pairs, reverse=True)[:limit]
    loads = [
        (keys, [_identifier(place) for place, of in chosen if of == number])
        for number, keys in enumerate(partitions)
        # One is asked even for nothing, because a page tells the time.
        if number == 0 or any(of == number for _, of in chosen)
    ]
    loaded = await all_of(load(link, keys, identifiers) for keys, identifiers in loads)
    by_id: dict[str, Ticket] = {
        ticket.id: ticket for _, tickets in loaded for ticket in tickets if ticket is not None
    }
    # One that ended meanwhile is still there; one whose retention is over is not, and isn't missed.
    tickets = [by_id[identifier] for place, _ in chosen if (identifier := _identifier(place)) in by_id]
    return Page(tickets, max(now for now, _ in loaded), chosen[-1][0] if len(chosen) == limit else "")


async def _places(link: Link, keys: Keys, scope: str, limit: int, cursor: str) -> list[str]:
    newest = f"({scope}:{cursor}" if cursor else f"({scope};"
    args = ("ZREVRANGEBYLEX", keys.index, newest, f"({scope}:", "LIMIT", 0, limit)
    members = cast("list[bytes]", await link.command(*args, key=keys.index))
    return [member.decode().partition(":")[2] for member in members]


def _identifier(place: str) -> str:
    return place.partition(":")[2]
