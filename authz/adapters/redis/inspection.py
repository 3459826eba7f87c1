"""One look at a Redis, which writes nothing to it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final, cast

from authz.adapters.redis.info import read_info
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.startup import stored_partitions, unfit_for_tickets
from authz.domain.errors import StoreUnavailable
from authz.services.doctor.redis import RedisFacts

PATIENCE_MS: Final = 3_000
_PARTITION: Final = 0
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
        info = await read_info(link)
        stored = await stored_partitions(link, Keys.of(_PARTITION))
    except StoreUnavailable as error:
        return replace(facts, trouble=f"{str(error).rstrip('.')}.")
    finally:
        await link.aclose()
    took, skew = min(times)
    return replace(
        facts, answer_ms=took, skew=skew, info=info, unfit=tuple(unfit_for_tickets(info, stored, settings))
    )


async def _time(link: Link) -> tuple[float, float]:
    """Return how many milliseconds TIME took, and by how many seconds its clock is ahead of ours."""
    started, before = time.monotonic(), time.time()
    seconds, micros = cast("list[bytes]", await link.command("TIME"))
    took = time.monotonic() - started
    return took * 1000, int(seconds) + int(micros) / 1e6 - (before + took / 2)
