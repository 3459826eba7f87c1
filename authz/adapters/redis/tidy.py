"""Places of tickets and reviews that are not there any more, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Link
from authz.adapters.redis.script import packaged
from authz.domain.ticket import State

_PLACES = packaged("places", prelude=True)
_TIDY = packaged("tidy", prelude=True)
_STATES = " ".join(State)
_STARTS = (b"all:", b"", b"")


class Tidying:
    """Goes round the places of one partition: the index, the open tickets, and the open reviews by requester.

    Each is looked at sooner or later, whatever the TTLs came before; nothing waits for that.
    """

    def __init__(self, link: Link, keys: Keys) -> None:
        """Begin with the first ones."""
        self._link = link
        self._keys = keys
        self._seen: Sequence[bytes] = _STARTS

    async def run(self, limit: int) -> int:
        """Look at up to `limit` places of each kind, at least 1, and return how many were taken away.

        Raises StoreUnavailable and RecordUnreadable.
        """
        keys = self._keys
        found = cast(
            "list[list[bytes]]",
            await self._link.run(_PLACES, (*keys.shared, keys.breakers), (limit, *self._seen)),
        )
        indexed, opened, reviewed = found
        taken = 0
        if any(found):
            own = [key for place in (*indexed, *opened) for key in keys.all_of(_identifier(place))]
            reviews = [keys.review(_identifier(place)) for place in reviewed]
            args: list[Argument] = [_STATES, len(indexed), len(opened), *indexed, *opened, *reviewed]
            names = (*keys.shared, keys.reviews, keys.breakers, *own, *reviews)
            taken = cast("int", await self._link.run(_TIDY, names, args))
        # Where fewer are left than were asked for, the next look begins again.
        ends = zip(found, _STARTS, strict=True)
        self._seen = [places[-1] if len(places) >= limit else start for places, start in ends]
        return taken


def _identifier(place: bytes) -> str:
    return place.rpartition(b":")[2].decode()
