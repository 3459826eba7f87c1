"""What is scheduled comes at its time by Redis's clock, and once, whoever asks for it and however often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis import outbox as outbox_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.services.ports import Notice
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import MINUTE, draft

HOUR_S = 3_600


@pytest.fixture
async def other(settings: RedisSettings) -> AsyncIterator[RedisOutbox]:
    outbox = RedisOutbox(replace(settings, consumer="two"))
    yield outbox
    await outbox.aclose()


async def created(store: RedisTicketStore, outbox: RedisOutbox) -> tuple[Notice, int]:
    """Return the notice of a new ticket, and when that was made."""
    ticket = (await store.create(draft())).ticket
    [notice] = await outbox.take(10, 0)
    return notice, ticket.created_at


def reminder(due_at: int) -> FollowUp:
    return FollowUp(EventType.TICKET_REMINDED, 1, due_at)


async def taken(outbox: RedisOutbox) -> Sequence[Notice]:
    """Take until there is something, for at most five seconds."""
    async with asyncio.timeout(5):
        while not (notices := await outbox.take(10, 50)):
            pass
        return notices


async def now_of(link: Link) -> int:
    seconds, micros = (int(part) for part in cast("list[bytes]", await link.command("TIME")))
    return seconds * 1000 + micros // 1000


def without(guard: str, instead: str) -> Script:
    source = outbox_module._SCHEDULE.source.decode()
    assert guard in source
    return Script.of(source.replace(guard, instead))


async def test_it_comes_when_it_is_due_with_its_own_name_and_no_attempt_made(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    notice, at = await created(store, outbox)
    due = [reminder(at + 1_000), FollowUp(EventType.TICKET_ESCALATED, 2, at + 1_100, "leads")]
    await outbox.schedule(notice, due)
    await outbox.delivered(notice, {})
    assert await outbox.take(10, 0) == []
    [first] = await taken(outbox)
    assert await now_of(link) >= at + 1_000
    assert (first.type, first.ticket_id, first.rev, first.attempt, first.at) == (
        EventType.TICKET_REMINDED,
        notice.ticket_id,
        1,
        1,
        at + 1_000,
    )
    await outbox.delivered(first, {})
    [second] = await taken(outbox)
    assert (second.type, second.rev, second.attempt) == (EventType.TICKET_ESCALATED, 2, 1)
    assert await now_of(link) >= at + 1_100


async def test_a_waiting_take_wakes_for_it(store: RedisTicketStore, outbox: RedisOutbox) -> None:
    notice, at = await created(store, outbox)
    await outbox.schedule(notice, [reminder(at + 200)])
    await outbox.delivered(notice, {})
    async with asyncio.timeout(5):
        [again] = await outbox.take(10, 20_000)
    assert again.type is EventType.TICKET_REMINDED


async def test_two_notifiers_and_a_retried_notice_schedule_it_once(
    store: RedisTicketStore, outbox: RedisOutbox, other: RedisOutbox, link: Link
) -> None:
    notice, at = await created(store, outbox)
    due = [reminder(at + MINUTE)]
    await asyncio.gather(*(each.schedule(notice, due) for each in (outbox, other) * 10))
    await outbox.retry(notice, 0, "HTTP 500")
    [again] = await taken(other)
    await other.schedule(again, due)
    assert await link.command("ZCARD", KEYS.retry) == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_came_already_does_not_come_again(
    store: RedisTicketStore,
    outbox: RedisOutbox,
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """The notice of the new ticket may be tried for long after the reminder; control: the set alone can't tell."""
    if not guarded:
        broken = without("if not redis.call('HGET', deliveries, mark) then", "if true then")
        monkeypatch.setattr(outbox_module, "_SCHEDULE", broken)
    notice, at = await created(store, outbox)
    await outbox.schedule(notice, [reminder(at)])
    [came] = await outbox.take(10, 0)
    await outbox.delivered(came, {"teams": "accepted"})
    await outbox.schedule(notice, [reminder(at)])
    again = await outbox.take(10, 0)
    assert [one.type for one in again] == ([] if guarded else [EventType.TICKET_REMINDED])
    assert await link.command("ZCARD", KEYS.retry) == 0


@pytest.mark.parametrize("guarded", [True, False])
async def test_that_it_came_is_known_for_as_long_as_the_ticket_is_there(
    store: RedisTicketStore,
    settings: RedisSettings,
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """Receipts are kept for the retention, which may be short; control: with that alone it would be forgotten."""
    if not guarded:
        longest = "math.max(redis.call('PTTL', ticket), redis.call('PTTL', deliveries), retention)"
        monkeypatch.setattr(outbox_module, "_SCHEDULE", without(longest, "retention"))
    outbox = RedisOutbox(replace(settings, retention_ms=1_000))
    notice, at = await created(store, outbox)
    name = KEYS.deliveries(notice.ticket_id)
    await outbox.schedule(notice, [reminder(at + MINUTE)])
    await outbox.accepted(notice, "teams", "accepted")
    await outbox.schedule(notice, [reminder(at + MINUTE)])
    left = cast("int", await link.command("PTTL", name))
    of_the_ticket = cast("int", await link.command("PTTL", KEYS.ticket(notice.ticket_id)))
    assert (abs(left - of_the_ticket) < 1_000) is guarded
    await outbox.retry(notice, 60_000, "HTTP 500")
    assert (cast("int", await link.command("PTTL", name)) > MINUTE) is guarded
    await outbox.delivered(notice, {"teams": "accepted"})
    assert (cast("int", await link.command("PTTL", name)) > MINUTE) is guarded
    await outbox.aclose()


@pytest.mark.parametrize("offset", [-HOUR_S, HOUR_S])
async def test_a_process_clock_that_is_an_hour_off_changes_nothing(
    store: RedisTicketStore, outbox: RedisOutbox, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    wall, nanos = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: wall() + offset)
    monkeypatch.setattr(time, "time_ns", lambda: nanos() + offset * 1_000_000_000)
    notice, at = await created(store, outbox)
    soon, late = FollowUp(EventType.TICKET_ESCALATED, 1, at + 100, "leads"), reminder(at + 30 * MINUTE)
    await outbox.schedule(notice, [soon, late])
    await outbox.delivered(notice, {})
    assert [one.type for one in await taken(outbox)] == [EventType.TICKET_ESCALATED]
    assert await outbox.take(10, 0) == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_full_redis_takes_it_and_gives_it(
    store: RedisTicketStore,
    outbox: RedisOutbox,
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """Else a card would wait for room; control: with a write first that needs memory, it would."""
    if not guarded:
        first = "redis.call('PEXPIRE', deliveries, string.format('%.0f', kept))\nlocal"
        monkeypatch.setattr(outbox_module, "_SCHEDULE", without(first, "local"))
    notice, at = await created(store, outbox)
    await link.command("CONFIG", "SET", "maxmemory", 1)
    try:
        if not guarded:
            with pytest.raises(StoreUnavailable, match=r"OOM|maxmemory"):
                await outbox.schedule(notice, [reminder(at)])
            return
        await outbox.schedule(notice, [reminder(at)])
        [came] = await outbox.take(10, 0)
        assert came.type is EventType.TICKET_REMINDED
        await outbox.delivered(came, {})
    finally:
        await link.command("CONFIG", "SET", "maxmemory", 0)


async def test_a_full_redis_would_keep_it_if_it_were_written_before_it_is_taken_off(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of taking: all deliveries would stand still while one retry is due."""
    source = outbox_module._TAKE.source.decode()
    taking_off = "  redis.call('ZREM', retry, member)\n"
    assert taking_off in source
    monkeypatch.setattr(outbox_module, "_TAKE", Script.of(source.replace(taking_off, "")))
    notice, at = await created(store, outbox)
    await outbox.schedule(notice, [reminder(at)])
    await link.command("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match=r"OOM|maxmemory"):
            await outbox.take(10, 0)
    finally:
        await link.command("CONFIG", "SET", "maxmemory", 0)
    await link.command("ZREMRANGEBYRANK", KEYS.retry, 0, -1)


async def test_a_damaged_key_is_told_before_anything_is_written(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    notice, at = await created(store, outbox)
    await link.command("SET", KEYS.retry, "nonsense")
    with pytest.raises(RecordUnreadable, match="DAMAGED"):
        await outbox.schedule(notice, [reminder(at)])
    assert await link.command("EXISTS", KEYS.deliveries(notice.ticket_id)) == 0
    await link.command("DEL", KEYS.retry)
