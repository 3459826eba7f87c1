"""The services' DeadLetterStore: the dead letters of every partition, and what channels answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias, cast

from authz.adapters.redis.fan_out import all_of
from authz.adapters.redis.keys import Keys, every_partition, keys_of
from authz.adapters.redis.script import packaged
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.token import is_ticket_id
from authz.services.dead_letters import ChannelAnswer, DeadLetter, LetterPage

Entry: TypeAlias = tuple[bytes, list[bytes]]

_REPLAY = packaged("dead_replay", prelude=False)
_PLACE = re.compile(r"([0-9a-f]{1,2}):(\d{1,20})-(\d{1,20})", re.ASCII)
_TYPES = frozenset(kind.value for kind in EventType)
_ACCEPTED = re.compile(r"accepted (\S+) (\d+) (.+)", re.ASCII | re.DOTALL)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_FAILED = re.compile(r"failed (\S+) (\d+)", re.ASCII)


class RedisDeadLetters:
    """Over the connections of the ticket store. Use it from one event loop."""

    def __init__(self, tickets: RedisTicketStore, settings: RedisSettings) -> None:
        self._tickets = tickets
        self._settings = settings
        self._partitions = every_partition(settings.partitions)

    async def page(self, limit: int, cursor: str) -> LetterPage:
        """See DeadLetterStore. Those of the same moment are ordered by their partitions."""
        before = _place(cursor, self._settings.partitions) if cursor else None
        found = await all_of(self._newest(keys, limit, before) for keys in self._partitions)
        letters = sorted((one for each in found for one in each), key=_order, reverse=True)
        more = len(letters) > limit or any(len(each) > limit for each in found)
        shown = letters[:limit]
        return LetterPage(shown, shown[-1].entry if more and shown else "")

    async def replay(self, entry: str) -> DeadLetter | None:
        """See DeadLetterStore."""
        try:
            partition, _, _ = _place(entry, self._settings.partitions)
        except ValueError:
            return None
        await self._tickets.trust()
        keys = self._partitions[partition]
        place = entry.partition(":")[2]
        shown = await self._tickets.link.command("XREVRANGE", keys.dead, place, place, key=keys.dead)
        letters = [_letter(keys, one) for one in cast("list[Entry]", shown)]
        if not letters:
            return None
        args = (place, int(letters[0].replayable))
        done = await self._tickets.link.run(_REPLAY, (keys.outbox, keys.dead), args)
        return None if done is None else letters[0]

    async def answers(self, ticket_id: str) -> Sequence[ChannelAnswer]:
        """See DeadLetterStore. What comes first happened first, as far as revisions tell."""
        keys = keys_of(ticket_id, self._settings.partitions)
        if keys is None:
            return []
        name = keys.deliveries(ticket_id)
        flat = cast("list[bytes]", await self._tickets.link.command("HGETALL", name, key=name))
        pairs = zip(flat[::2], flat[1::2], strict=True)
        answers = [_answer(field.decode(), value.decode("utf-8", "replace")) for field, value in pairs]
        known = (answer for answer in answers if answer is not None)
        return sorted(known, key=lambda answer: (answer.rev, answer.type, answer.channel))

    async def _newest(
        self, keys: Keys, limit: int, before: tuple[int, int, int] | None
    ) -> Sequence[DeadLetter]:
        """Return up to one more than `limit`, so that one sees whether there are more."""
        start = "+"
        if before is not None:
            partition, ms, number = before
            start = f"{ms}-{number}" if keys.partition < partition else f"({ms}-{number}"
        args = ("XREVRANGE", keys.dead, start, "-", "COUNT", limit + 1)
        entries = cast("list[Entry]", await self._tickets.link.command(*args, key=keys.dead))
        return [_letter(keys, entry) for entry in entries]


def _place(entry: str, partitions: int) -> tuple[int, int, int]:
    """Return partition, ms and number of an entry. Raises ValueError for what is none."""
    matched = _PLACE.fullmatch(entry)
    if matched is None or int(matched[1], 16) >= partitions:
        msg = f"{entry!r:.60} is not the id of a dead letter"
        raise ValueError(msg)
    return int(matched[1], 16), int(matched[2]), int(matched[3])


def _order(letter: DeadLetter) -> tuple[int, int, int]:
    partition, _, place = letter.entry.partition(":")
    ms, _, number = place.partition("-")
    return int(ms), int(number), int(partition, 16)


def _letter(keys: Keys, entry: Entry) -> DeadLetter:
    place, flat = entry[0].decode(), entry[1]
    texts = [each.decode("utf-8", "backslashreplace") for each in flat]
    fields = dict(zip(texts[::2], texts[1::2], strict=True))
    kind, ticket_id, rev = fields.get("type", ""), fields.get("ticket", ""), fields.get("rev", "")
    return DeadLetter(
        entry=f"{keys.partition:x}:{place}",
        type=kind,
        ticket_id=ticket_id,
        rev=_count(rev),
        attempts=_count(fields.get("attempt", "")),
        why=fields.get("why", ""),
        buried_at=int(place.partition("-")[0]),
        happened_at=_count(fields.get("at", "")),
        replayable=kind in _TYPES and is_ticket_id(ticket_id) and rev.isascii() and rev.isdigit(),
    )


def _answer(field: str, value: str) -> ChannelAnswer | None:
    """Return what a field of the hash says, None for one that says something else."""
    if matched := _ACCEPTED.fullmatch(field):
        return ChannelAnswer(matched[1], int(matched[2]), matched[3], value)
    if matched := _FAILED.fullmatch(field):
        return ChannelAnswer(matched[1], int(matched[2]), "", value)
    return None


def _count(text: str) -> int:
    return int(text) if _COUNT.fullmatch(text) else 0
