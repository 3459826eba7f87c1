"""The commands that Redis was given, by its own count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from redis import Redis


def commands(client: Redis) -> Mapping[str, int]:
    """Return how often each command was called since Redis started. Use one client, which says hello only once."""
    return of_stats(cast("Mapping[str, Mapping[str, int]]", client.info("commandstats")))


def of_stats(stats: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    """Read INFO's section `commandstats`, as redis-py parses it.

    INFO counts itself, and PING is a subscription's sign of life, however many checks there are: both are left out.
    """
    counts = {name.removeprefix("cmdstat_").lower(): int(of["calls"]) for name, of in stats.items()}
    return {name: calls for name, calls in counts.items() if name not in {"info", "ping"}}


def more(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, int]:
    """Return what was called in between."""
    counts = {name: calls - before.get(name, 0) for name, calls in after.items()}
    return {name: calls for name, calls in counts.items() if calls}
