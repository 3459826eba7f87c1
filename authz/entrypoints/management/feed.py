"""Events of tickets, one after the other, for callers who watch."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from grpc import StatusCode

from authz.domain.events import Event
from authz.entrypoints.management.refusal import CallRefused
from authz.services.ports import TicketStore

# What stores give as positions: one or two numbers for each partition. Anything else never reaches the store.
_PLACE = "[0-9]{1,20}(?:-[0-9]{1,20})?"
_POSITION = re.compile(rf"{_PLACE}(?:\.{_PLACE}){{0,63}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """Bounds on watching. A stream holds one blocking read, so `streams` bounds these as well.

    `batch` is how many events one read brings, and so all that a stream keeps in memory; `block_ms` is how
    long one read waits. After `lifetime` seconds a stream ends: whoever watches proves again who they are.
    `write_timeout` is how long, in seconds, an event may wait for its reader.
    """

    streams: int = 8
    streams_per_person: int = 4
    batch: int = 100
    block_ms: int = 5_000
    lifetime: float = 600.0
    write_timeout: float = 30.0


def is_position(text: str) -> bool:
    """Say whether `text` has the form of an event's position."""
    return _POSITION.fullmatch(text) is not None


class Feed:
    """Follows the store's events for a bounded number of streams, until it is closed."""

    def __init__(self, store: TicketStore, limits: WatchLimits) -> None:
        """Take the store to read, and the bounds."""
        self._store = store
        self._limits = limits
        self._closing = asyncio.Event()
        self._watching: Counter[str] = Counter()

    def close(self) -> None:
        """End every stream, with a status that says to come back."""
        self._closing.set()

    @contextmanager
    def seat(self, person: str) -> Iterator[None]:
        """Count one stream of a person while it lasts. Raises CallRefused at either bound."""
        limits = self._limits
        if self._watching.total() >= limits.streams:
            raise _too_many(f"{limits.streams} streams are being watched already")
        if self._watching[person] >= limits.streams_per_person:
            raise _too_many(f"You are watching {limits.streams_per_person} streams already")
        self._watching[person] += 1
        try:
            yield
        finally:
            self._watching[person] -= 1
            # No entry stays behind for everybody who ever watched.
            self._watching += Counter()

    async def follow(self, after: str, tickets: Collection[str]) -> AsyncGenerator[Event]:
        """Yield every event after a position, of the given tickets or of all, waiting for the next ones.

        Raises CallRefused when the stream's time is over or the feed is closed, and StoreUnavailable.
        """
        deadline = asyncio.get_running_loop().time() + self._limits.lifetime
        position = after
        while True:
            for event in await self._read(position, deadline):
                position = event.position
                if not tickets or event.ticket_id in tickets:
                    yield event

    async def _read(self, after: str, deadline: float) -> Sequence[Event]:
        """Return the next events, perhaps none; end early when the stream has to."""
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            text = "This stream's time is over. Resume after the last event."
            raise CallRefused(StatusCode.UNAVAILABLE, "stream-ended", text, retry=True)
        block_ms = max(1, min(self._limits.block_ms, int(left * 1000)))
        reading = asyncio.ensure_future(self._store.events(after, self._limits.batch, block_ms))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
            if closing.done():
                text = "Holdgate is shutting down. Resume after the last event."
                raise CallRefused(StatusCode.UNAVAILABLE, "shutting-down", text, retry=True)
            return reading.result()
        except ValueError as error:
            text = "after is not the id of an event of this installation."
            raise CallRefused(StatusCode.INVALID_ARGUMENT, "invalid-argument", text) from error
        finally:
            reading.cancel()
            closing.cancel()
            await asyncio.gather(reading, closing, return_exceptions=True)


def _too_many(why: str) -> CallRefused:
    return CallRefused(
        StatusCode.RESOURCE_EXHAUSTED, "too-many-streams", f"{why}. End one, or try later.", retry=True
    )
