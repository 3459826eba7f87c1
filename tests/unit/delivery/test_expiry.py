from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

from authz.domain.errors import StoreUnavailable
from authz.services.backoff import Backoff
from authz.services.expiry import Expiry, ExpirySettings
from tests.unit.delivery.doubles import MemoryTickets


@dataclass
class Watched:
    counts: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def expired(self, count: int) -> None:
        self.counts.append(count)

    def expiry_failed(self, error: Exception) -> None:
        self.errors.append(error)


class Rig:
    def __init__(self, settings: ExpirySettings, rounds: int) -> None:
        self.tickets = MemoryTickets()
        self.watched = Watched()
        self.stop = asyncio.Event()
        self.asked = asyncio.Event()
        self.at: list[float] = []
        self._rounds = rounds
        self.tickets.on_expire = self._round
        self.expiry = Expiry(self.tickets, self.watched, settings)

    def _round(self) -> None:
        self.at.append(asyncio.get_running_loop().time())
        self.asked.set()
        if len(self.at) == self._rounds:
            self.stop.set()

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.at)]


async def test_it_asks_at_its_interval_for_a_bounded_number() -> None:
    rig = Rig(ExpirySettings(interval_s=0.02, batch=7), rounds=4)
    rig.tickets.due = [3]
    await rig.expiry.run(rig.stop)
    assert rig.tickets.asked == [7] * 4
    assert rig.watched.counts == [3]
    assert all(gap >= 0.019 for gap in rig.gaps)


async def test_a_full_batch_is_followed_by_the_next_at_once() -> None:
    rig = Rig(ExpirySettings(interval_s=30.0, batch=10), rounds=4)
    rig.tickets.due = [10, 10, 10, 0]
    await rig.expiry.run(rig.stop)
    assert rig.watched.counts == [10, 10, 10]


async def test_the_default_is_often_enough_for_a_second() -> None:
    assert ExpirySettings().interval_s <= 0.5


async def test_an_outage_is_outlived_with_waits_between() -> None:
    delays: list[float] = []

    def keep(most: float) -> float:
        delays.append(most)
        return 0.0

    rig = Rig(ExpirySettings(backoff=Backoff(0.1, 1.0, jitter=keep)), rounds=6)
    rig.tickets.fails = StoreUnavailable("down")
    await rig.expiry.run(rig.stop)
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert len(rig.watched.errors) == 6


async def test_a_stop_ends_a_wait() -> None:
    rig = Rig(ExpirySettings(interval_s=3600.0), rounds=0)
    task = asyncio.create_task(rig.expiry.run(rig.stop))
    await rig.asked.wait()
    rig.stop.set()
    await asyncio.wait_for(task, 5)
