"""Whose turn it is, where only so many may be at something at once. Who would wait for long is sent away instead.

A notice in hand keeps its place among those in hand while it waits, and so keeps others out that have nothing to wait
for. It waits therefore only where turns end quickly, and comes back later where they don't.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sized
from contextlib import asynccontextmanager
from typing import Final

from authz.services.ports import DeliveryDelayed

AWAY_S: Final = 1.0
"""How long somebody is sent away at least."""
APART_S: Final = 0.02
"""How far apart those come back who were sent away: they find nothing to do again and again, if there are many."""
AWAY_MAX_S: Final = 30.0

Admits = Callable[[str, Mapping[str, Sized]], bool]
"""Whether one more may begin under a name, where these are at it under each name."""


class Busy(DeliveryDelayed):
    """Others are at it, and it takes them long. Nothing was tried."""


class Turns:
    """Turns under names, each name's in the order of asking. Use it from one event loop."""

    def __init__(self, admits: Admits, wait_s: float) -> None:
        """`wait_s` is how long somebody waits at most, and what makes a turn a long one."""
        self._admits = admits
        self._wait_s = wait_s
        self._begun: dict[str, list[float]] = {}
        self._waiting: dict[asyncio.Future[float], str] = {}
        self._back: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Have a turn inside. Raises Busy where none came in time, or half of those at it have long turns."""
        begun = self._begin(name) if self._admits(name, self._begun) else await self._wait(name)
        try:
            yield
        finally:
            self._end(name, begun)

    async def _wait(self, name: str) -> float:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait_s
        waiter: asyncio.Future[float] = loop.create_future()
        self._waiting[waiter] = name
        try:
            while not waiter.done():
                now = loop.time()
                left_s = min(until, self._long_from(name)) - now
                if left_s <= 0:
                    after_s = self._away(name, now)
                    msg = f"busy: others wait for it already, {after_s:.1f} s more for this one"
                    raise Busy(msg, after_s, tried=False)
                await asyncio.wait({waiter}, timeout=left_s)
        except asyncio.CancelledError:
            if waiter.done():  # its turn came in the same moment
                self._end(name, waiter.result())
            raise
        finally:
            self._waiting.pop(waiter, None)
        return waiter.result()

    def _long_from(self, name: str) -> float:
        """Return when half of those at it will have been so for long."""
        begun = self._begun[name]  # of those who wait for a name there is one at it
        return begun[(len(begun) - 1) // 2] + self._wait_s

    def _away(self, name: str, now: float) -> float:
        due = min(max(now + AWAY_S, self._back.get(name, 0.0) + APART_S), now + AWAY_MAX_S)
        self._back[name] = due
        return due - now

    def _begin(self, name: str) -> float:
        now = asyncio.get_running_loop().time()
        self._begun.setdefault(name, []).append(now)
        return now

    def _end(self, name: str, begun: float) -> None:
        under_way = self._begun[name]
        under_way.remove(begun)
        if not under_way:
            del self._begun[name]
            self._back.pop(name, None)
        for waiter, waiting_name in [*self._waiting.items()]:
            if self._admits(waiting_name, self._begun):
                del self._waiting[waiter]
                waiter.set_result(self._begin(waiting_name))
