"""What has to be true of a Redis before tickets are trusted to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.info import read_info
from authz.adapters.redis.keys import Keys, every_partition
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.services.doctor.redis import Unfit, online_replicas

OLDEST = (6, 2)
_ASSERT = "HOLDGATE_REDIS_DURABILITY_ASSERTED=true"


async def check_server(link: Link, settings: RedisSettings) -> None:
    """Refuse a server that could lose or give away a grant, and settings that don't fit the stored tickets.

    All of it is in INFO, which managed Redis leaves open where it forbids CONFIG. In a cluster each node that has a
    partition is looked at. Raises SettingsInvalid with every problem, StoreUnavailable when a server can't be asked.
    """
    partitions = every_partition(settings.partitions)
    asked = partitions if link.scattered else partitions[:1]
    infos = await all_of(read_info(link, keys.clock) for keys in asked)
    for info in infos:
        _replicas_are_there(info, settings)
    keys = partitions[0]
    await link.command("HSETNX", keys.meta, "partitions", settings.partitions, key=keys.meta)
    stored = await stored_partitions(link, keys)
    found = [unfit for info in infos for unfit in unfit_for_tickets(info, stored, settings)]
    if found:
        raise SettingsInvalid(list(dict.fromkeys(f"{each.problem} {each.advice}" for each in found)))


def _replicas_are_there(info: Mapping[str, str], settings: RedisSettings) -> None:
    """Raise StoreUnavailable where every redemption would fail for want of replicas; they may come back any time."""
    online = online_replicas(info)
    if info and online < settings.replicas:
        msg = f"HOLDGATE_REDIS_REPLICAS is {settings.replicas}, and {online} are connected"
        raise StoreUnavailable(msg)


def unfit_for_tickets(info: Mapping[str, str], stored: int | None, settings: RedisSettings) -> list[Unfit]:
    """Return every reason to refuse; `stored` is the number of partitions, None where no ticket was ever stored."""
    return [
        *_version(info),
        *_eviction(info, settings),
        *_durability(info, settings),
        *_partitions(stored, settings),
    ]


async def stored_partitions(link: Link, keys: Keys) -> int | None:
    """Return how many partitions the stored tickets are in, None where there is none. Raises StoreUnavailable."""
    stored = cast("bytes | None", await link.command("HGET", keys.meta, "partitions", key=keys.meta))
    return None if stored is None else int(stored)


def _version(info: Mapping[str, str]) -> list[Unfit]:
    # Valkey also names the Redis version whose commands it has.
    name = "Valkey" if "valkey_version" in info else "Redis"
    shown = info.get("valkey_version") or info.get("redis_version", "")
    match = re.match(r"(\d+)\.(\d+)", info.get("redis_version", ""))
    if match and (int(match[1]), int(match[2])) < OLDEST:
        problem = f"{name} {shown} is too old: 6.2 is the oldest that has XAUTOCLAIM."
        return [Unfit("version", problem, "Upgrade the server.")]
    return []


def _eviction(info: Mapping[str, str], settings: RedisSettings) -> list[Unfit]:
    policy = info.get("maxmemory_policy")
    if policy == "noeviction" or (policy is None and settings.durability_asserted):
        return []
    if policy is None:
        problem = "Redis doesn't tell its maxmemory-policy."
        return [Unfit("eviction", problem, f"Allow INFO, or, if it is noeviction, set {_ASSERT}.")]
    problem = f"maxmemory-policy is {policy}, under which a full Redis throws tickets and grants away."
    return [Unfit("eviction", problem, "Set maxmemory-policy noeviction.")]


def _durability(info: Mapping[str, str], settings: RedisSettings) -> list[Unfit]:
    if info.get("aof_enabled") == "1" or settings.durability_asserted:
        return []
    problem = (
        "Redis runs without an append-only file (appendonly no): a restart could bring back a used grant."
    )
    advice = f"Set appendonly yes, or, if it persists every write in another way, {_ASSERT}."
    return [Unfit("durability", problem, advice)]


def _partitions(stored: int | None, settings: RedisSettings) -> list[Unfit]:
    if stored is None or stored == settings.partitions:
        return []
    problem = f"This Redis holds tickets in {stored} partition(s), and {settings.partitions} is set."
    advice = f"Set HOLDGATE_REDIS_PARTITIONS={stored}, or point HOLDGATE_REDIS_URL at an empty database."
    return [Unfit("partitions", problem, advice)]
