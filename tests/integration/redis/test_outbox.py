from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import GROUP, RedisOutbox
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.services.ports import Notice
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import draft


@pytest.fixture
async def other(settings: RedisSettings) -> AsyncIterator[RedisOutbox]:
    outbox = RedisOutbox(replace(settings, lease_ms=300, consumer="two"))
    yield outbox
    await outbox.aclose()


async def taken(outbox: RedisOutbox) -> Sequence[Notice]:
    """Take until there is something, for at most five seconds."""
    async with asyncio.timeout(5):
        while not (notices := await outbox.take(10, 50)):
            pass
        return notices


async def test_what_was_written_before_any_notifier_ran_is_taken(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    ticket = (await store.create(draft())).ticket
    [notice] = await outbox.take(10, 0)
    assert (notice.type, notice.ticket_id, notice.rev, notice.attempt) == (
        EventType.TICKET_CREATED,
        ticket.id,
        1,
        1,
    )
    assert await outbox.take(10, 0) == []


async def test_a_waiting_take_is_woken_by_a_new_notice(store: RedisTicketStore, outbox: RedisOutbox) -> None:
    await outbox.take(1, 0)
    waiting = asyncio.create_task(outbox.take(10, 5_000))
    await asyncio.sleep(0)
    created = await store.create(draft())
    async with asyncio.timeout(2):
        [notice] = await waiting
    assert (notice.ticket_id, notice.attempt) == (created.ticket.id, 1)


async def test_acknowledging_goes_on_while_a_take_waits(
    store: RedisTicketStore, settings: RedisSettings
) -> None:
    outbox = RedisOutbox(replace(settings, max_connections=1))
    await store.create(draft())
    [notice] = await outbox.take(1, 0)
    waiting = asyncio.create_task(outbox.take(10, 1_500))
    async with asyncio.timeout(1):
        await outbox.delivered(notice, {})
    assert await waiting == []
    await outbox.aclose()


async def test_a_lost_group_is_made_again_and_loses_nothing(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    await store.create(draft())
    await outbox.take(10, 0)
    await link.command("XGROUP", "DESTROY", KEYS.outbox, GROUP)
    [notice] = await outbox.take(10, 0)
    assert notice.attempt == 1


async def test_a_delivered_notice_is_gone_and_its_receipts_are_kept(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    await outbox.delivered(notice, {"teams": "message-7"})
    await outbox.delivered(notice, {"teams": "message-8"})
    assert await outbox.receipts(notice) == {"teams": "message-7"}, "the second changes nothing"
    assert await link.command("XLEN", KEYS.outbox) == 0
    assert cast("list[object]", await link.command("XPENDING", KEYS.outbox, GROUP))[0] == 0


async def test_a_notice_whose_lease_ran_out_goes_to_the_next_with_another_attempt(
    store: RedisTicketStore, outbox: RedisOutbox, other: RedisOutbox
) -> None:
    await store.create(draft())
    [first] = await outbox.take(10, 0)
    assert await other.take(10, 0) == []
    [second] = await taken(other)
    assert (second.entry, second.attempt) == (first.entry, 2)


async def test_a_renewed_lease_holds_and_counts_no_attempt(
    store: RedisTicketStore, settings: RedisSettings, other: RedisOutbox, link: Link
) -> None:
    outbox = RedisOutbox(settings)
    await store.create(draft())
    [notice] = await outbox.take(10, 0)

    async def row() -> list[int]:
        [found] = cast("list[list[int]]", await link.command("XPENDING", KEYS.outbox, GROUP, "-", "+", 1))
        return found[2:]

    async with asyncio.timeout(5):
        while (await row())[0] < 500:
            pass
    await outbox.renew([notice.entry])
    idle, attempts = await row()
    assert (idle < 500, attempts) == (True, 1)
    await taken(other)
    await outbox.renew([notice.entry])
    [held] = cast("list[list[bytes]]", await link.command("XPENDING", KEYS.outbox, GROUP, "-", "+", 1))
    assert held[1] == b"two", "what somebody else holds by now is not taken back"
    await outbox.aclose()


async def test_a_retry_comes_when_it_is_due_not_when_the_lease_is_over(
    store: RedisTicketStore, outbox: RedisOutbox, other: RedisOutbox, link: Link
) -> None:
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    await outbox.retry(notice, 300, "HTTP 500")
    before = asyncio.get_running_loop().time()
    [again] = await taken(other)
    assert asyncio.get_running_loop().time() - before >= 0.28
    assert (again.ticket_id, again.rev, again.attempt) == (notice.ticket_id, notice.rev, 2)
    assert await link.command("ZCARD", KEYS.retry) == 0
    why = await link.command("HGET", KEYS.deliveries(notice.ticket_id), "failed ticket.created 1")
    assert why == b"HTTP 500"


async def test_a_waiting_take_wakes_for_a_retry(store: RedisTicketStore, outbox: RedisOutbox) -> None:
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    await outbox.retry(notice, 100, "busy")
    async with asyncio.timeout(3):
        [again] = await outbox.take(10, 20_000)
    assert again.attempt == 2


async def test_attempts_add_up_over_retries_and_lost_leases(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    await store.create(draft())
    [first] = await outbox.take(10, 0)
    await outbox.retry(first, 0, "x")
    [second] = await taken(outbox)
    [third] = await taken(outbox)  # the lease of the second ran out
    await outbox.retry(third, 0, "x")
    [fourth] = await taken(outbox)
    await outbox.retry(fourth, 0, "not even tried", counted=False)
    [same] = await taken(outbox)
    assert [one.attempt for one in (first, second, third, fourth, same)] == [1, 2, 3, 4, 4]


async def test_what_was_given_back_says_so_even_where_nothing_was_tried(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    """Another channel may have accepted it, so that whoever has it then has to ask for the receipts."""
    await store.create(draft())
    [first] = await outbox.take(10, 0)
    await outbox.retry(first, 0, "paused", counted=False)
    [same] = await taken(outbox)
    assert [(one.attempt, one.again) for one in (first, same)] == [(1, False), (1, True)]


async def test_when_it_happened_comes_with_it_over_attempts(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    created = await store.create(draft())
    [first] = await outbox.take(10, 0)
    await outbox.retry(first, 0, "x")
    [second] = await taken(outbox)
    assert first.at == second.at == created.ticket.created_at


async def test_entries_of_the_release_before_say_no_time(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    [first] = await outbox.take(10, 0)
    await outbox.delivered(first, {})
    old = ("type", "ticket.created", "ticket", ticket.id, "rev", 1, "attempt", 0)
    await link.command("XADD", KEYS.outbox, "*", *old)
    await link.command("ZADD", KEYS.retry, 1, f"1-1 ticket.created {ticket.id} 1 3")
    fresh, given_back = sorted(await outbox.take(10, 0), key=lambda notice: notice.attempt)
    assert (fresh.at, fresh.again, fresh.attempt) == (0, False, 1)
    assert (given_back.at, given_back.again, given_back.attempt) == (0, True, 4)


async def test_a_retry_by_somebody_who_lost_the_lease_changes_nothing(
    store: RedisTicketStore, outbox: RedisOutbox, other: RedisOutbox, link: Link
) -> None:
    await store.create(draft())
    [mine] = await outbox.take(10, 0)
    await taken(other)
    await outbox.retry(mine, 0, "late")
    assert await link.command("ZCARD", KEYS.retry) == 0
    assert await link.command("XLEN", KEYS.outbox) == 1


async def test_a_channel_that_has_a_notice_is_remembered_over_attempts(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    await outbox.accepted(notice, "teams", "message-7")
    await outbox.retry(notice, 0, "slack is down")
    [again] = await taken(outbox)
    assert await outbox.receipts(again) == {"teams": "message-7"}
    assert await outbox.receipts(replace(again, rev=2)) == {}, "another event of the ticket is another matter"


async def test_a_buried_notice_is_a_dead_letter_with_its_reason_and_the_ticket_stays(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    [notice] = await outbox.take(10, 0)
    await outbox.bury(notice, "HTTP 410: gone")
    await outbox.bury(notice, "again")
    [[_, flat]] = cast("list[tuple[bytes, list[bytes]]]", await link.command("XRANGE", KEYS.dead, "-", "+"))
    letter = dict(zip(flat[::2], flat[1::2], strict=True))
    assert letter == {
        b"type": b"ticket.created",
        b"ticket": ticket.id.encode(),
        b"rev": b"1",
        b"attempt": b"1",
        b"at": b"%d" % ticket.created_at,
        b"why": b"HTTP 410: gone",
    }
    assert await link.command("XLEN", KEYS.outbox) == 0
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket == ticket


async def test_an_event_of_a_later_release_is_left_to_it(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    await link.command("XADD", KEYS.outbox, "*", "type", "moon.landed", "ticket", "x", "rev", 1, "attempt", 0)
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    assert notice.type is EventType.TICKET_CREATED
    await outbox.delivered(notice, {})
    assert await link.command("XLEN", KEYS.outbox) == 1
    assert await link.command("EXISTS", KEYS.dead) == 0


async def test_many_abandoned_notices_are_all_found_again(
    store: RedisTicketStore, outbox: RedisOutbox, other: RedisOutbox
) -> None:
    for number in range(45):
        await store.create(draft(f"/{number}"))
    while await outbox.take(10, 0):
        pass
    found: set[str] = set()
    async with asyncio.timeout(10):
        while len(found) < 45:
            for notice in await other.take(10, 20):
                found.add(notice.entry)
                await other.delivered(notice, {})


ODD_ENTRIES: list[tuple[str | bytes, ...]] = [
    ("type", b"\xff\xfe", "ticket", "0-" + "a" * 26, "rev", "1", "attempt", "0"),
    ("type", "ticket.created", "ticket", "0-" + "a" * 26, "rev", "many", "attempt", "0"),
    ("type", "ticket.created", "ticket", b"\xff", "rev", "1", "attempt", "0"),
    ("type", "ticket.created", "rev", "1", "attempt", "0"),
    ("hello", "world"),
]


@pytest.mark.parametrize("fields", ODD_ENTRIES)
@pytest.mark.parametrize("waiting", [True, False])
async def test_one_entry_that_cant_be_read_is_buried_and_stops_no_other(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link, fields: tuple[str | bytes, ...], waiting: bool
) -> None:
    if waiting:
        await outbox.take(1, 0)
    await link.command("XADD", KEYS.outbox, "*", *fields)
    ticket = (await store.create(draft())).ticket
    [notice] = await outbox.take(10, 1_000 if waiting else 0)
    assert notice.ticket_id == ticket.id
    [(_, buried)] = cast("list[tuple[bytes, list[bytes]]]", await link.command("XRANGE", KEYS.dead, "-", "+"))
    assert buried[-1].startswith(b"can't be read: ")
    assert await link.command("XLEN", KEYS.outbox) == 1


async def test_a_retry_that_cant_be_read_is_buried_and_stops_no_other(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    await link.command("ZADD", KEYS.retry, 1, "rubbish")
    [notice] = await outbox.take(10, 0)
    assert notice.ticket_id == ticket.id
    assert await link.command("XLEN", KEYS.dead) == 1
    assert await link.command("EXISTS", KEYS.retry) == 0


async def test_without_the_burial_one_entry_stops_all_others(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(_: object, row: Sequence[bytes]) -> Notice:
        return Notice(row[0].decode(), EventType(row[1].decode()), row[2].decode(), int(row[3]), int(row[4]))

    async def all_or_nothing(_: object, keys: Keys, rows: Sequence[Sequence[bytes]]) -> list[Notice]:
        return [strict(keys, row) for row in rows]

    monkeypatch.setattr(RedisOutbox, "_readable", all_or_nothing)
    await link.command("XADD", KEYS.outbox, "*", *ODD_ENTRIES[0])
    await store.create(draft())
    with pytest.raises(ValueError, match="decode"):
        await outbox.take(10, 0)
