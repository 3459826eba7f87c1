"""What has to be true of a Redis before tickets are trusted to it."""

from __future__ import annotations

import re
from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import SettingsInvalid, StoreUnavailable

OLDEST = (6, 2)
_ASSERT = "HOLDGATE_REDIS_DURABILITY_ASSERTED=true"


async def check_server(link: Link, keys: Keys, settings: RedisSettings) -> None:
    """Refuse a server that could lose or give away a grant, and settings that don't fit the stored tickets.

    All of it is in INFO, which managed Redis leaves open where it forbids CONFIG. Raises SettingsInvalid with
    every problem, StoreUnavailable when the server can't be asked.
    """
    info = await _info(link)
    problems = [*_version(info), *_eviction(info, settings), *_durability(info, settings)]
    problems += await _partitions(link, keys, settings)
    if problems:
        raise SettingsInvalid(problems)


async def _info(link: Link) -> dict[str, str]:
    try:
        reply = await link.command("INFO")
    except StoreUnavailable as error:
        if "NOPERM" not in str(error) and "permission" not in str(error):
            raise
        return {}
    lines = cast("bytes", reply).decode("utf-8", "replace").splitlines()
    return {name: value for name, mark, value in (line.partition(":") for line in lines) if mark}


def _version(info: dict[str, str]) -> list[str]:
    # Valkey also names the Redis version whose commands it has.
    name = "Valkey" if "valkey_version" in info else "Redis"
    shown = info.get("valkey_version") or info.get("redis_version", "")
    match = re.match(r"(\d+)\.(\d+)", info.get("redis_version", ""))
    if match and (int(match[1]), int(match[2])) < OLDEST:
        return [f"{name} {shown} is too old: 6.2 is the oldest that has XAUTOCLAIM. Upgrade the server."]
    return []


def _eviction(info: dict[str, str], settings: RedisSettings) -> list[str]:
    policy = info.get("maxmemory_policy")
    if policy == "noeviction" or (policy is None and settings.durability_asserted):
        return []
    if policy is None:
        return [
            f"Redis doesn't tell its maxmemory-policy. Allow INFO, or, if it is noeviction, set {_ASSERT}."
        ]
    problem = f"maxmemory-policy is {policy}, under which a full Redis throws tickets and grants away."
    return [f"{problem} Set maxmemory-policy noeviction."]


def _durability(info: dict[str, str], settings: RedisSettings) -> list[str]:
    if info.get("aof_enabled") == "1" or settings.durability_asserted:
        return []
    problem = (
        "Redis runs without an append-only file (appendonly no): a restart could bring back a used grant."
    )
    return [f"{problem} Set appendonly yes, or, if it persists every write in another way, {_ASSERT}."]


async def _partitions(link: Link, keys: Keys, settings: RedisSettings) -> list[str]:
    await link.command("HSETNX", keys.meta, "partitions", settings.partitions)
    stored = int(cast("bytes", await link.command("HGET", keys.meta, "partitions")))
    if stored == settings.partitions:
        return []
    problem = f"This Redis holds tickets in {stored} partition(s), and {settings.partitions} is set."
    return [f"{problem} Start the release that wrote them, or point HOLDGATE_REDIS_URL at an empty database."]
