"""A MemoryStore whose readers wait for events, as Redis lets them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from authz.domain.events import Event, EventType
from authz.domain.ticket import Ticket
from tests.support.memory_store import MemoryStore


class WaitingStore(MemoryStore):
    """`reading` is how many readers wait now, `reads` how often somebody began to read."""

    def __init__(self) -> None:
        super().__init__()
        self._happened = asyncio.Condition()
        self.reading = 0
        self.reads = 0

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:
        self.reads += 1
        self._called("events")
        async with self._happened:
            self.reading += 1
            self._happened.notify_all()
            try:
                async with asyncio.timeout(block_ms / 1000):
                    await self._happened.wait_for(lambda: len(self.log) > int(after))
            except TimeoutError:
                return ()
            finally:
                self.reading -= 1
                self._happened.notify_all()
        return self.log[int(after) :][:limit]

    async def readers(self, number: int) -> None:
        """Return once so many readers wait."""
        async with self._happened:
            await self._happened.wait_for(lambda: self.reading == number)

    def _put(self, ticket: Ticket, *types: EventType, data: Mapping[str, object] | None = None) -> None:
        super()._put(ticket, *types, data=data)
        self._waking = asyncio.ensure_future(self._wake())

    async def _wake(self) -> None:
        async with self._happened:
            self._happened.notify_all()
