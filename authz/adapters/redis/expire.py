"""The sweep: tickets whose deadline has passed come to their end, and ended ones are forgotten in time.

A record that its TTL took before any sweep came by leaves its places behind; those are found by going round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Link
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.tidy import Tidying
from authz.domain.errors import RecordUnreadable, StoreUnavailable

_DUE = packaged("due", prelude=True)
_EXPIRE = packaged("expire", prelude=True)
_COLLECT = packaged("collect", prelude=True)


class Sweep:
    """Sweeps every partition, in turns, so that none is left out for long when there is more to do than `limit`."""

    def __init__(self, link: Link, partitions: Sequence[Keys], settings: RedisSettings) -> None:
        """Take the partitions to sweep."""
        self._link = link
        self._partitions = deque((keys, Tidying(link, keys)) for keys in partitions)
        self._settings = settings

    async def run(self, limit: int) -> int:
        """End up to `limit` tickets and return how many; forget up to `limit` in each partition.

        A partition that can't be swept keeps no other from it; what the first one raised is raised afterwards:
        StoreUnavailable or RecordUnreadable.
        """
        ended = 0
        failure: StoreUnavailable | RecordUnreadable | None = None
        self._partitions.rotate(-1)
        for keys, tidying in tuple(self._partitions):
            try:
                ended += await _expire_due(self._link, keys, self._settings, limit - ended)
                await tidying.run(limit)
            except (StoreUnavailable, RecordUnreadable) as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return ended


async def _expire_due(link: Link, keys: Keys, settings: RedisSettings, limit: int) -> int:
    """End up to `limit` tickets of a partition, and forget some; return how many were ended.

    What is due is looked up first, so that the scripts that change it are told every key beforehand; they
    check each ticket again.
    """
    found = cast("list[list[bytes]]", await link.run(_DUE, keys.shared, (limit,)))
    pending, approved, garbage = found
    members = [*pending, *approved][:limit]
    ended = 0
    if members:
        identifiers = [_identifier(member) for member in members]
        tickets = [key for one in identifiers for key in (keys.ticket(one), keys.body(one))]
        args: list[Argument] = [settings.retention_ms, settings.body_retention_ms, b"{}", *members]
        ended = cast("int", await link.run(_EXPIRE, (*keys.shared, *tickets), args))
    if garbage:
        identifiers = [_identifier(member) for member in garbage]
        forgotten = [key for one in identifiers for key in keys.all_of(one)]
        await link.run(_COLLECT, (*keys.shared, *forgotten), garbage)
    return ended


def _identifier(member: bytes) -> str:
    return member.rpartition(b":")[2].decode()
