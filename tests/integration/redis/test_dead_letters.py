"""Dead letters in Redis: found in pages over all partitions, and sent again in one step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from authz.adapters.redis.dead_letters import RedisDeadLetters
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.services.dead_letters import DeadLetter
from authz.services.ports import Notice
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import draft

pytestmark = pytest.mark.redis_server


@pytest.fixture
def letters(store: RedisTicketStore, settings: RedisSettings) -> RedisDeadLetters:
    return RedisDeadLetters(store, settings)


async def buried(
    store: RedisTicketStore, outbox: RedisOutbox, path: str = "/", why: str = "ops: 404"
) -> Notice:
    created = await store.create(draft(path))
    [notice] = await outbox.take(10, 0)
    assert notice.ticket_id == created.ticket.id
    await outbox.bury(notice, why)
    return notice


async def test_a_buried_notice_is_found_with_all_that_is_known(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters
) -> None:
    notice = await buried(store, outbox, why="ops: 404; mail: 550")
    [letter] = (await letters.page(10, "")).letters
    assert (letter.type, letter.ticket_id, letter.rev, letter.attempts) == (
        "ticket.created",
        notice.ticket_id,
        1,
        1,
    )
    assert (letter.why, letter.channels, letter.replayable) == (
        "ops: 404; mail: 550",
        ("ops", "mail"),
        True,
    )
    assert letter.happened_at == notice.at > 0
    assert letter.buried_at >= letter.happened_at


async def test_sent_again_it_is_a_new_notice_and_no_dead_letter(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters, link: Link
) -> None:
    notice = await buried(store, outbox)
    await outbox.accepted(notice, "teams", "m-1")
    [letter] = (await letters.page(10, "")).letters
    assert await letters.replay(letter.entry) == letter
    assert await link.command("XLEN", KEYS.dead) == 0
    [again] = await outbox.take(10, 0)
    assert again == replace(notice, entry=again.entry, attempt=1, again=True)
    assert await outbox.receipts(again) == {"teams": "m-1"}
    assert await letters.replay(letter.entry) is None
    await outbox.delivered(again, {})


async def test_of_many_who_send_it_again_one_does(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters, link: Link
) -> None:
    await buried(store, outbox)
    [letter] = (await letters.page(10, "")).letters
    done = await asyncio.gather(*(letters.replay(letter.entry) for _ in range(20)))
    assert sum(one is not None for one in done) == 1
    assert await link.command("XLEN", KEYS.outbox) == 1


async def test_taking_it_off_afterwards_would_send_it_twice(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters, link: Link
) -> None:
    """Control of the test above: two steps in place of one."""
    await buried(store, outbox)
    [letter] = (await letters.page(10, "")).letters
    place = letter.entry.partition(":")[2]

    async def careless() -> None:
        if await link.command("XREVRANGE", KEYS.dead, place, place):
            fields = ("type", letter.type, "ticket", letter.ticket_id, "rev", 1, "attempt", 0)
            await link.command("XADD", KEYS.outbox, "*", *fields)
            await link.command("XDEL", KEYS.dead, place)

    await asyncio.gather(careless(), careless())
    assert await link.command("XLEN", KEYS.outbox) == 2


async def test_what_nobody_can_read_stays_where_it_is(letters: RedisDeadLetters, link: Link) -> None:
    await link.command("XADD", KEYS.dead, "*", "type", b"\xff", "ticket", "x", "rev", "many", "why", "odd")
    [letter] = (await letters.page(10, "")).letters
    assert not letter.replayable
    assert await letters.replay(letter.entry) == letter
    assert (await link.command("XLEN", KEYS.dead), await link.command("EXISTS", KEYS.outbox)) == (1, 0)


@pytest.mark.parametrize("entry", ["", "nonsense", "0:1-1", "5:1-1", "0:1", "zz:1-1"])
async def test_there_is_nothing_by_another_name(letters: RedisDeadLetters, entry: str) -> None:
    assert await letters.replay(entry) is None


async def test_a_key_of_another_type_is_named(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters, link: Link
) -> None:
    await buried(store, outbox)
    [letter] = (await letters.page(10, "")).letters
    await link.command("DEL", KEYS.outbox)
    await link.command("SET", KEYS.outbox, "x", "PX", 60_000)
    with pytest.raises(RecordUnreadable, match="outbox is a string"):
        await letters.replay(letter.entry)
    assert await link.command("XLEN", KEYS.dead) == 1


async def test_answers_and_failures_of_a_ticket(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters
) -> None:
    await store.create(draft())
    [notice] = await outbox.take(10, 0)
    await outbox.accepted(notice, "teams", "m-1")
    await outbox.retry(notice, 60_000, "mail: no answer")
    said = await letters.answers(notice.ticket_id)
    assert [(one.rev, one.type, one.channel, one.text) for one in said] == [
        (1, "ticket.created", "", "mail: no answer"),
        (1, "ticket.created", "teams", "m-1"),
    ]
    assert await letters.answers("5-" + "a" * 26) == []


async def test_a_refusal_at_once_is_among_the_answers(
    store: RedisTicketStore, outbox: RedisOutbox, letters: RedisDeadLetters
) -> None:
    notice = await buried(store, outbox, why="ops: 404")
    assert [one.text for one in await letters.answers(notice.ticket_id)] == ["ops: 404"]


@pytest.fixture
async def scattered(settings: RedisSettings) -> AsyncIterator[tuple[RedisTicketStore, RedisDeadLetters]]:
    several = replace(settings, partitions=3)
    store = RedisTicketStore(several)
    await store.start()
    yield store, RedisDeadLetters(store, several)
    await store.aclose()


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_pages_over_several_partitions_have_each_once_and_the_newest_first(
    scattered: tuple[RedisTicketStore, RedisDeadLetters], link: Link, size: int
) -> None:
    _, letters = scattered
    for number in range(30):
        # Several in one millisecond, and in all partitions.
        place = f"{1_000 + number // 6}-{number % 6 // 3}"
        await link.command("XADD", Keys.of(number % 3).dead, f"{place}", "type", str(number))
    found: list[DeadLetter] = []
    cursor = ""
    while True:
        page = await letters.page(size, cursor)
        assert len(page.letters) <= size
        found += page.letters
        cursor = page.cursor
        if not cursor:
            break
    assert sorted(int(one.type) for one in found) == list(range(30))
    moments = [one.buried_at for one in found]
    assert moments == sorted(moments, reverse=True)


async def test_a_cursor_that_no_page_gave_is_refused(letters: RedisDeadLetters) -> None:
    for cursor in ("x", "9:1-1", "0:1-1\n"):
        with pytest.raises(ValueError, match="is not the id of a dead letter"):
            await letters.page(1, cursor)
