"""The sweep: tickets whose deadline has passed come to their end, and ended ones are forgotten in time."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Link
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings

_DUE = packaged("due", prelude=True)
_EXPIRE = packaged("expire", prelude=True)
_COLLECT = packaged("collect", prelude=True)


async def expire_due(link: Link, keys: Keys, settings: RedisSettings, limit: int) -> int:
    """End up to `limit` tickets and forget up to `limit`; return how many were ended.

    What is due is looked up first, so that the scripts that change it are told every key beforehand; they
    check each ticket again. Raises StoreUnavailable and RecordUnreadable.
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
