"""One look at a Redis, which writes nothing to it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final, cast

from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.info import read_info
from authz.adapters.redis.keys import every_partition
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.startup import stored_partitions, unfit_for_tickets
from authz.domain.errors import StoreUnavailable
from authz.services.doctor.redis import RedisFacts

PATIENCE_MS: Final = 3_000
_SAMPLES: Final = 5


async def look_at_redis(
    facts: RedisFacts, settings: RedisSettings, patience_ms: int = PATIENCE_MS
) -> RedisFacts:
    """Return the facts, those given completed. `patience_ms` bounds each question, whatever the settings' own."""
    try:
        link = Link(settings.url, 1, patience_ms)
    except ValueError:
        return replace(facts, trouble="HOLDGATE_REDIS_URL can't be read.")
    try:
        times = [await _time(link) for _ in range(_SAMPLES)]
        partitions = every_partition(settings.partitions if link.scattered else 1)
        infos = await all_of(read_info(link, keys.clock) for keys in partitions)
        stored = await stored_partitions(link, partitions[0])
    except StoreUnavailable as error:
        return replace(facts, trouble=f"{str(error).rstrip('.')}.")
    finally:
        await link.aclose()
    took, skew = min(times)
    # Of a cluster, each node that has a partition has to be fit; what else is said is about the first one.
    unfit = dict.fromkeys(each for info in infos for each in unfit_for_tickets(info, stored, settings))
    return replace(facts, answer_ms=took, skew=skew, info=infos[0], unfit=tuple(unfit))


async def _time(link: Link) -> tuple[float, float]:
    """Return how many milliseconds TIME took, and by how many seconds its clock is ahead of ours."""
    started, before = time.monotonic(), time.time()
    seconds, micros = cast("list[bytes]", await link.command("TIME"))
    took = time.monotonic() - started
    return took * 1000, int(seconds) + int(micros) / 1e6 - (before + took / 2)
