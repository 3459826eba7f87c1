"""How full a Redis may get before it takes no new tickets.

Redis says how much it has used (`INFO memory`, about 10 µs of its time). It is asked before a new ticket when the last
answer is a second old, once for all that come meanwhile, and not in the script: a user who may not run INFO would
then not be able to run the script either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from authz.adapters.redis.info import read_info
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.look_up import LookUp

READING_S: Final = 1.0


class Watermark:
    """Watches the memory of each node that has a partition. `percent` is of its maxmemory."""

    def __init__(self, link: Link, partitions: Sequence[Keys], percent: int) -> None:
        """Ask nothing yet."""
        self._link = link
        self._percent = percent
        self._used: dict[str, float] = {}
        watched = partitions if link.scattered else partitions[:1]
        self._readings = {
            keys.clock: LookUp(partial(self._read, keys.clock), good_for_s=READING_S, longest_s=None)
            for keys in watched
        }

    @property
    def used(self) -> float:
        """The share of memory that is used on the fullest node, by the last readings; 0 where nothing is known."""
        return max(self._used.values(), default=0.0)

    async def passed(self, keys: Keys) -> bool:
        """Say whether the node of a partition is too full for a new ticket. Raises StoreUnavailable."""
        key = keys.clock if keys.clock in self._readings else next(iter(self._readings))
        await self._readings[key].fresh()
        return self._used[key] * 100 >= self._percent

    async def aclose(self) -> None:
        """End the readings."""
        for reading in self._readings.values():
            await reading.aclose()

    async def _read(self, key: str) -> None:
        self._used[key] = _share(await read_info(self._link, key, "memory"))


def _share(info: Mapping[str, str]) -> float:
    """Return what Redis counts against maxmemory; 0 where there is no bound, or INFO is forbidden."""
    numbers = (info.get(name, "") for name in ("used_memory", "mem_not_counted_for_evict", "maxmemory"))
    used, uncounted, most = (int(text) if text.isdigit() else 0 for text in numbers)
    return (used - uncounted) / most if most else 0.0
