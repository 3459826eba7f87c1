"""Reading the audit streams of all partitions as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.position import START, places_of, position_of
from authz.domain.errors import RecordUnreadable
from authz.domain.events import Event, EventType

# How often to look where Redis can't wait on several streams at once.
POLL_MS = 200

_TYPES = frozenset(kind.value.encode() for kind in EventType)
_OWN = {b"type", b"ticket", b"rev", b"at", b"data"}

Entry: TypeAlias = tuple[bytes, list[bytes]]


class Audit:
    """The events of every partition. `link` is for questions, `waiting` for reads that wait."""

    def __init__(self, link: Link, waiting: Link, partitions: Sequence[Keys]) -> None:
        """Take the connections and the partitions in order."""
        self._link = link
        self._waiting = waiting
        self._partitions = partitions

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:
        """Return up to `limit` events after a position, waiting up to `block_ms` for the first.

        The order is that of each partition; between two of them it is as good as their nodes' clocks. Numbers that
        the script itself worked out (`uses_left`, `window_until`, …) join the data of the event. An event of a type
        that only a later release knows is passed over: a watcher of this one must not stop at it. Raises
        StoreUnavailable, RecordUnreadable, and ValueError for a position that no event has.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + block_ms / 1000
        places = places_of(after, len(self._partitions))
        count = max(1, limit // len(self._partitions))
        while True:
            left_ms = max(0, int((until - loop.time()) * 1000))
            if len(self._partitions) == 1 or not self._waiting.scattered:
                found = await self._read(self._partitions, places, count, left_ms)
            else:
                found = await self._poll(places, count, left_ms)
            events, places = _merged(places, found, limit)
            if events or not any(found):
                return events

    async def last_position(self) -> str:
        """Return the newest events' position, `0` when there is none. Raises StoreUnavailable."""
        return position_of(await all_of(self._newest(keys) for keys in self._partitions))

    async def _newest(self, keys: Keys) -> str:
        args = ("XREVRANGE", keys.audit, "+", "-", "COUNT", 1)
        newest = cast("list[Entry]", await self._link.command(*args, key=keys.audit))
        return newest[0][0].decode() if newest else START

    async def _read(
        self, partitions: Sequence[Keys], places: Sequence[str], count: int, block_ms: int
    ) -> list[list[Entry]]:
        """Read some partitions, which one command can name; return the entries of each."""
        # BLOCK 0 would mean for ever.
        block = ("BLOCK", block_ms) if block_ms > 0 else ()
        names = [keys.audit for keys in partitions]
        args = ("XREAD", "COUNT", count, *block, "STREAMS", *names, *places)
        reply = await self._waiting.command(*args, key=names[0], wait_ms=max(0, block_ms))
        streams = dict(cast("list[tuple[bytes, list[Entry]]]", reply or []))
        return [streams.get(name.encode(), []) for name in names]

    async def _poll(self, places: Sequence[str], count: int, block_ms: int) -> list[list[Entry]]:
        """Read partitions that lie on different nodes, where no single command can wait for all of them."""
        loop = asyncio.get_running_loop()
        until = loop.time() + block_ms / 1000
        while True:
            pairs = zip(self._partitions, places, strict=True)
            reads = await all_of(self._read([keys], [place], count, 0) for keys, place in pairs)
            found = [entries for [entries] in reads]
            left = until - loop.time()
            if any(found) or left <= 0:
                return found
            await asyncio.sleep(min(left, POLL_MS / 1000))


def _merged(
    places: Sequence[str], found: Sequence[Sequence[Entry]], limit: int
) -> tuple[list[Event], list[str]]:
    """Return the oldest entries as events, each with the position of a reader who has read it and all before.

    Also where that reader is in the end.
    """
    every = sorted(
        (_order(entry[0]), number, entry) for number, entries in enumerate(found) for entry in entries
    )
    reached = list(places)
    events = []
    for _, number, (place, flat) in every[:limit]:
        reached[number] = place.decode()
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if fields.get(b"type") in _TYPES or b"type" not in fields:
            events.append(_event(position_of(reached), fields))
    return events, reached


def _order(place: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = place.partition(b"-")
    return int(milliseconds), int(sequence)


def _event(position: str, fields: Mapping[bytes, bytes]) -> Event:
    try:
        numbers = {name.decode(): int(value) for name, value in fields.items() if name not in _OWN}
        return Event(
            position=position,
            type=EventType(fields[b"type"].decode()),
            ticket_id=fields[b"ticket"].decode(),
            rev=int(fields[b"rev"]),
            at=int(fields[b"at"]),
            data={**json.loads(fields[b"data"]), **numbers},
        )
    except (KeyError, ValueError) as error:
        what = f"audit event {position} is not one this release can read: {error!r}"
        raise RecordUnreadable(what) from error
