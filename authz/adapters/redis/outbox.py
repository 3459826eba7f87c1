"""The services' Outbox, on a stream with one consumer group in each partition.

A notice is leased to whoever took it; a lease that runs out gives it to the next. A retry leaves the stream
for a set that is ordered by due time, because in the stream its lease would run out and hand it over too
early, and comes back as a new entry that carries the attempts made so far. What is scheduled waits there, too.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from authz.adapters.redis.audit import POLL_MS
from authz.adapters.redis.keys import Keys, every_partition
from authz.adapters.redis.link import Argument, GroupMissing, Link, Reply
from authz.adapters.redis.script import Script, packaged
from authz.adapters.redis.settings import RedisSettings
from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.domain.token import is_ticket_id
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
_SCHEDULE = packaged("schedule", prelude=False)
_START = "0-0"
# Of a row of take.lua: entry, type, ticket, rev, attempt.
_DESCRIBED = 5
_EVENT_TYPES = frozenset(kind.value.encode() for kind in EventType)
_TYPE = re.compile(rb"[a-z_]+\.[a-z_]+")
log = structlog.get_logger("holdgate.notifier")


class RedisOutbox:
    """Notices of all partitions, for one notifier. Use it from one event loop, `take` from one task."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings
        self._partitions = every_partition(settings.partitions)
        self._link = Link(settings.url, settings.max_connections, settings.timeout_ms)
        # `take` waits on a connection of its own: acknowledging must not queue behind it.
        self._waiting = Link(settings.url, 1, settings.timeout_ms)
        self._cursors = [_START] * settings.partitions
        self._turns = deque(self._partitions)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._link.aclose()
        await self._waiting.aclose()

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        """See Outbox. Waits at most `block_ms`, and no longer than until the next retry is due."""
        now = await self._take_now(limit)
        if now.notices or block_ms <= 0:
            return now.notices
        await self._wait(now, block_ms)
        return (await self._take_now(limit)).notices

    async def renew(self, entries: Sequence[str]) -> None:
        """See Outbox. A lease that somebody else holds by now stays theirs."""
        places = [self._place(entry) for entry in entries]
        for keys in self._partitions:
            own = [entry for of, entry in places if of is keys]
            if own:
                await self._run(_RENEW, keys, (keys.outbox,), (GROUP, self._settings.consumer, *own))

    async def accepted(self, notice: Notice, channel: str, receipt: str) -> None:
        """See Outbox."""
        keys, _ = self._place(notice.entry)
        args = (self._settings.retention_ms, _accepted_by(notice, channel), receipt)
        await self._run(_NOTE, keys, (keys.deliveries(notice.ticket_id),), args)

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        """See Outbox."""
        keys, _ = self._place(notice.entry)
        prefix = _accepted_by(notice, "")
        name = keys.deliveries(notice.ticket_id)
        flat = cast("list[bytes]", await self._link.command("HGETALL", name, key=name))
        fields = {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
        return {name.removeprefix(prefix): text for name, text in fields.items() if name.startswith(prefix)}

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        """See Outbox. A second acknowledgement of the same notice changes nothing."""
        keys, entry = self._place(notice.entry)
        names = (keys.outbox, keys.deliveries(notice.ticket_id))
        pairs = ((_accepted_by(notice, channel), answer) for channel, answer in receipt.items())
        answers = [text for pair in pairs for text in pair]
        await self._run(_DELIVER, keys, names, (GROUP, entry, self._settings.retention_ms, *answers))

    async def schedule(self, notice: Notice, due: Sequence[FollowUp]) -> None:
        """See Outbox. Each waits beside the retries, and comes as one of them does."""
        keys, _ = self._place(notice.entry)
        ticket = notice.ticket_id
        args: list[Argument] = [self._settings.retention_ms]
        for each in due:
            known_by = f"{each.type.value} {each.rev}"
            member = f"scheduled@{each.due_at} {each.type.value} {ticket} {each.rev} 0"
            args += [f"scheduled {known_by}", each.due_at, member]
        names = (keys.retry, keys.deliveries(ticket), keys.ticket(ticket))
        await self._run(_SCHEDULE, keys, names, args)

    async def retry(self, notice: Notice, after_ms: int, why: str, *, counted: bool = True) -> None:
        """See Outbox. Nothing happens when the lease went to somebody else meanwhile."""
        keys, entry = self._place(notice.entry)
        names = (keys.outbox, keys.retry, keys.deliveries(notice.ticket_id))
        what = f"{notice.type.value} {notice.ticket_id} {notice.rev}"
        attempts = notice.attempt if counted else notice.attempt - 1
        args = (GROUP, self._settings.consumer, entry, max(0, after_ms), what, attempts)
        failed = f"failed {notice.type.value} {notice.rev}"
        known = (failed, _storable(why), self._settings.retention_ms, notice.at)
        await self._run(_RETRY, keys, names, (*args, *known))

    async def bury(self, notice: Notice, why: str) -> None:
        """See Outbox."""
        keys, entry = self._place(notice.entry)
        # For whoever asks what became of a ticket; the dead letter itself goes when it is sent again.
        said = (self._settings.retention_ms, f"failed {notice.type.value} {notice.rev}", _storable(why))
        await self._run(_NOTE, keys, (keys.deliveries(notice.ticket_id),), said)
        what = (notice.type.value, notice.ticket_id, notice.rev, notice.attempt)
        args = (GROUP, entry, *what, _storable(why), DEAD_LETTERS_MAX, notice.at)
        await self._run(_BURY, keys, (keys.outbox, keys.dead), args)

    async def _take_now(self, limit: int) -> _Taken:
        """Take from one partition after the other, starting elsewhere each time, until there are `limit`."""
        self._turns.rotate(-1)
        notices: list[Notice] = []
        waits: list[int] = []
        newest: dict[str, str] = {}
        for keys in self._turns:
            if len(notices) >= limit:
                break
            cursor = self._cursors[keys.partition]
            left = limit - len(notices)
            args = (GROUP, self._settings.consumer, self._settings.lease_ms, cursor, left)
            reply = await self._run(_TAKE, keys, (keys.outbox, keys.retry), args)
            reached, wait, rows, last = cast("tuple[bytes, int, list[list[bytes]], bytes]", reply)
            self._cursors[keys.partition] = reached.decode()
            notices += await self._readable(keys, rows)
            waits += [wait] if wait >= 0 else []
            newest[keys.outbox] = last.decode()
        return _Taken(notices, min(waits, default=None), newest)

    async def _readable(self, keys: Keys, rows: Sequence[Sequence[bytes]]) -> list[Notice]:
        """Return the notices of rows, and bury each that can't be read: it must not stop the others."""
        notices: list[Notice] = []
        unreadable: list[tuple[Sequence[bytes], str]] = []
        for row in rows:
            try:
                notice = _notice(keys, row)
            except ValueError as error:
                unreadable.append((row, f"can't be read: {error}"))
            else:
                notices += [notice] if notice else []
        for row, why in unreadable:
            log.error("notice.buried", why=why, entry=row[0].decode(), advice="see docs/redis.md")
            args: list[Argument] = [GROUP, *row[:_DESCRIBED], _storable(why), DEAD_LETTERS_MAX, 0]
            await self._run(_BURY, keys, (keys.outbox, keys.dead), args)
        return notices

    async def _wait(self, taken: _Taken, block_ms: int) -> None:
        """Return when something new is there or a retry is due, or else after `block_ms`."""
        block = block_ms if taken.due_in is None else max(1, min(block_ms, taken.due_in))
        names = list(taken.newest)
        if len(names) > 1 and self._waiting.scattered:
            # No one command can wait for streams on different nodes; the caller comes again.
            await asyncio.sleep(min(block, POLL_MS) / 1000)
            return
        after = list(taken.newest.values())
        args: list[Argument] = ["XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", *names, *after]
        await self._waiting.command(*args, key=names[0], wait_ms=block)

    def _place(self, entry: str) -> tuple[Keys, str]:
        partition, _, place = entry.partition(":")
        return self._partitions[int(partition, 16)], place

    async def _run(self, script: Script, keys: Keys, names: Sequence[str], args: Sequence[Argument]) -> Reply:
        try:
            return await self._link.run(script, names, args)
        except GroupMissing:
            await self._make_group(keys)
            return await self._link.run(script, names, args)

    async def _make_group(self, keys: Keys) -> None:
        """Make the group at 0, so that it is given what was written before it existed."""
        self._cursors[keys.partition] = _START
        try:
            await self._link.command("XGROUP", "CREATE", keys.outbox, GROUP, "0", "MKSTREAM", key=keys.outbox)
        except StoreUnavailable as error:
            if "BUSYGROUP" not in str(error):  # another notifier was quicker
                raise


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a round took. `due_in` is ms until the next retry, None where there is none.

    `newest` is, by stream, the entry after which everything is new.
    """

    notices: list[Notice]
    due_in: int | None
    newest: dict[str, str]


def _storable(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _accepted_by(notice: Notice, channel: str) -> str:
    return f"accepted {notice.type.value} {notice.rev} {channel}"


def _notice(keys: Keys, row: Sequence[bytes]) -> Notice | None:
    """Return the notice of a row of take.lua, None for a type that only a later release knows.

    When the lease of that is over, such a release takes it. Raises ValueError for a row that no release wrote.
    """
    entry, kind, ticket, rev, attempt, again, at = row
    if not _TYPE.fullmatch(kind):
        msg = f"{kind!r} is no type of an event"
        raise ValueError(msg)
    if kind not in _EVENT_TYPES:
        return None
    if not is_ticket_id(ticket.decode()):
        msg = f"{ticket!r} is no ticket"
        raise ValueError(msg)
    return Notice(
        entry=f"{keys.partition:x}:{entry.decode()}",
        type=EventType(kind.decode()),
        ticket_id=ticket.decode(),
        rev=int(rev),
        attempt=int(attempt),
        again=again != b"0",
        at=int(at) if at.isdigit() else 0,
    )
