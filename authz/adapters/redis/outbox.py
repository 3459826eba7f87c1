"""The services' Outbox, on a stream with one consumer group.

A notice is leased to whoever took it; a lease that runs out gives it to the next. A retry leaves the stream
for a set that is ordered by due time, because in the stream its lease would run out and hand it over too
early, and comes back as a new entry that carries the attempts made so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, GroupMissing, Link, Reply
from authz.adapters.redis.script import Script, packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.services.ports import Notice

GROUP = "notifier"
# Dead letters kept for somebody to look at; the tickets and the audit have everything else.
DEAD_LETTERS_MAX = 10_000

_TAKE = packaged("take", prelude=False)
_RENEW = packaged("renew", prelude=False)
_DELIVER = packaged("deliver", prelude=False)
_RETRY = packaged("retry", prelude=False)
_BURY = packaged("bury", prelude=False)
_NOTE = packaged("note", prelude=False)
_START = "0-0"
_EVENT_TYPES = frozenset(EventType)


class RedisOutbox:
    """Notices of one partition, for one notifier. Use it from one event loop, `take` from one task."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings
        self._keys = Keys.of(0)
        self._link = Link(settings.url, settings.max_connections, settings.timeout_ms)
        # `take` waits on a connection of its own: acknowledging must not queue behind it.
        self._waiting = Link(settings.url, 1, settings.timeout_ms)
        self._cursor = _START

    async def aclose(self) -> None:
        """Close every connection."""
        await self._link.aclose()
        await self._waiting.aclose()

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        """See Outbox. Waits at most `block_ms`, and no longer than until the next retry is due."""
        taken, wait = await self._take_now(limit)
        if taken or block_ms <= 0:
            return taken
        block = block_ms if wait < 0 else max(1, min(block_ms, wait))
        args = ("XREADGROUP", "GROUP", GROUP, self._settings.consumer, "COUNT", limit)
        tail = ("BLOCK", block, "STREAMS", self._keys.outbox, ">")
        try:
            reply = await self._waiting.command(*args, *tail, wait_ms=block)
        except GroupMissing:
            await self._make_group()
            return ()
        if reply is None:
            taken, _ = await self._take_now(limit)
            return taken
        streams = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        return _known([_fresh(entry, flat) for entry, flat in streams[0][1]])

    async def renew(self, entries: Sequence[str]) -> None:
        """See Outbox. A lease that somebody else holds by now stays theirs."""
        if entries:
            await self._run(_RENEW, (self._keys.outbox,), (GROUP, self._settings.consumer, *entries))

    async def accepted(self, notice: Notice, channel: str, receipt: str) -> None:
        """See Outbox."""
        args = (self._settings.retention_ms, _accepted_by(notice, channel), receipt)
        await self._run(_NOTE, (self._keys.deliveries(notice.ticket_id),), args)

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        """See Outbox."""
        prefix = _accepted_by(notice, "")
        flat = cast(
            "list[bytes]", await self._link.command("HGETALL", self._keys.deliveries(notice.ticket_id))
        )
        fields = {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
        return {name.removeprefix(prefix): text for name, text in fields.items() if name.startswith(prefix)}

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        """See Outbox. A second acknowledgement of the same notice changes nothing."""
        keys = (self._keys.outbox, self._keys.deliveries(notice.ticket_id))
        pairs = ((_accepted_by(notice, channel), answer) for channel, answer in receipt.items())
        answers = [text for pair in pairs for text in pair]
        await self._run(_DELIVER, keys, (GROUP, notice.entry, self._settings.retention_ms, *answers))

    async def retry(self, notice: Notice, after_ms: int, why: str, *, counted: bool = True) -> None:
        """See Outbox. Nothing happens when the lease went to somebody else meanwhile."""
        keys = (self._keys.outbox, self._keys.retry, self._keys.deliveries(notice.ticket_id))
        what = f"{notice.type.value} {notice.ticket_id} {notice.rev}"
        attempts = notice.attempt if counted else notice.attempt - 1
        args = (GROUP, self._settings.consumer, notice.entry, max(0, after_ms), what, attempts)
        failed = f"failed {notice.type.value} {notice.rev}"
        await self._run(_RETRY, keys, (*args, failed, _storable(why), self._settings.retention_ms))

    async def bury(self, notice: Notice, why: str) -> None:
        """See Outbox."""
        what = (notice.type.value, notice.ticket_id, notice.rev, notice.attempt)
        args = (GROUP, notice.entry, *what, _storable(why), DEAD_LETTERS_MAX)
        await self._run(_BURY, (self._keys.outbox, self._keys.dead), args)

    async def _take_now(self, limit: int) -> tuple[list[Notice], int]:
        args = (GROUP, self._settings.consumer, self._settings.lease_ms, self._cursor, limit)
        reply = await self._run(_TAKE, (self._keys.outbox, self._keys.retry), args)
        cursor, wait, rows = cast("tuple[bytes, int, list[list[bytes]]]", reply)
        self._cursor = cursor.decode()
        return _known(rows), wait

    async def _run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Reply:
        try:
            return await self._link.run(script, keys, args)
        except GroupMissing:
            await self._make_group()
            return await self._link.run(script, keys, args)

    async def _make_group(self) -> None:
        """Make the group at 0, so that it is given what was written before it existed."""
        self._cursor = _START
        try:
            await self._link.command("XGROUP", "CREATE", self._keys.outbox, GROUP, "0", "MKSTREAM")
        except StoreUnavailable as error:
            if "BUSYGROUP" not in str(error):  # another notifier was quicker
                raise


def _storable(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _accepted_by(notice: Notice, channel: str) -> str:
    return f"accepted {notice.type.value} {notice.rev} {channel}"


def _fresh(entry: bytes, flat: Sequence[bytes]) -> list[bytes]:
    """Return a row like those of take.lua for an entry that nobody had before."""
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    attempt = b"%d" % (int(fields.get(b"attempt", 0)) + 1)
    return [entry, fields.get(b"type", b""), fields.get(b"ticket", b""), fields.get(b"rev", b"0"), attempt]


def _known(rows: Sequence[Sequence[bytes]]) -> list[Notice]:
    """Leave out types this release doesn't know: when the lease is over, a release that does takes them."""
    return [
        Notice(entry.decode(), EventType(kind.decode()), ticket.decode(), int(rev), int(attempt))
        for entry, kind, ticket, rev, attempt in rows
        if kind.decode() in _EVENT_TYPES
    ]
