from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.redis import audit as audit_module
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.record_packing import unpacked
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.domain.ticket import State
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import draft, vote


async def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repetition(
    store: RedisTicketStore, link: Link
) -> None:
    made = []
    for number in range(7):
        made.append((await store.create(draft(f"/{number}"))).ticket.id)
        await advance(link, 10)
    seen: list[str] = []
    cursor, pages = "", 0
    while True:
        page = await store.page(None, 3, cursor)
        seen += [ticket.id for ticket in page.tickets]
        cursor, pages = page.cursor, pages + 1
        if not cursor:
            break
        await store.create(draft(f"/new/{pages}"))  # newer than where the reader is
    assert seen == made[::-1]
    assert pages == 3


async def test_a_page_of_one_state_holds_only_that_state(store: RedisTicketStore) -> None:
    waiting = (await store.create(draft("/a"))).ticket
    decided = (await store.create(draft("/b"))).ticket
    await store.vote(decided.id, 1, [vote()], State.APPROVED, {})
    assert [ticket.id for ticket in (await store.page(State.PENDING, 9, "")).tickets] == [waiting.id]
    assert [ticket.id for ticket in (await store.page(State.APPROVED, 9, "")).tickets] == [decided.id]
    assert (await store.page(State.EXPIRED, 9, "")).tickets == []


async def test_a_cursor_still_holds_when_its_ticket_left_the_state(
    store: RedisTicketStore, link: Link
) -> None:
    tickets = []
    for number in range(4):
        tickets.append((await store.create(draft(f"/{number}"))).ticket)
        await advance(link, 10)
    first = await store.page(State.PENDING, 2, "")
    await store.vote(first.tickets[-1].id, 1, [vote()], State.APPROVED, {})
    rest = await store.page(State.PENDING, 2, first.cursor)
    assert [ticket.id for ticket in rest.tickets] == [tickets[1].id, tickets[0].id]


async def test_a_watcher_is_woken_by_the_next_event(store: RedisTicketStore) -> None:
    assert await store.last_position() == "0"
    await store.create(draft("/a"))
    position = await store.last_position()
    waiting = asyncio.create_task(store.events(position, 10, 5_000))
    await asyncio.sleep(0)
    created = await store.create(draft("/b"))
    async with asyncio.timeout(2):
        [event] = await waiting
    assert (event.type, event.ticket_id) == (EventType.TICKET_CREATED, created.ticket.id)
    assert event.position == await store.last_position()


async def test_a_watcher_gives_up_when_it_was_told_to(store: RedisTicketStore) -> None:
    assert list(await store.events("0", 10, 30)) == []


async def test_a_position_that_no_event_has_is_a_mistake_of_the_caller(store: RedisTicketStore) -> None:
    with pytest.raises(ValueError, match="not the position"):
        await store.events("$ STREAMS", 10, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("record", '{"v":3,"value":{}}'),
        ("record", '{"v":1,"value":{}}'),
        ("record", '{"v":1,'),
        ("record", "rubbish"),
        ("state", "melted"),
        ("rev", "many"),
        ("votes", "1"),
    ],
)
async def test_a_record_that_this_release_did_not_write_is_refused(
    store: RedisTicketStore, link: Link, field: str, value: str
) -> None:
    ticket = (await store.create(draft())).ticket
    await link.command("HSET", KEYS.ticket(ticket.id), field, value)
    with pytest.raises(RecordUnreadable, match="not one this release can read"):
        await store.load(ticket.id)


@pytest.mark.parametrize("where", ['"value":{', '"requirement":{', '"request":{'])
async def test_a_field_that_this_release_does_not_know_is_refused(
    store: RedisTicketStore, link: Link, where: str
) -> None:
    ticket = (await store.create(draft())).ticket
    record = await link.command("HGET", KEYS.ticket(ticket.id), "record")
    assert isinstance(record, bytes)
    plain = unpacked(record).decode()
    changed = plain.replace(where, where + '"only_on_mondays":true,', 1)
    assert changed != plain
    await link.command("HSET", KEYS.ticket(ticket.id), "record", changed)
    with pytest.raises(RecordUnreadable):
        await store.load(ticket.id)


@pytest.mark.parametrize("path", ["/a%2Fb\u2028", "/\udcff", "/\udcff\ue000dcff", "/\ue000", '/\x00"\\'])
async def test_text_that_is_no_utf8_comes_back_as_it_was(store: RedisTicketStore, path: str) -> None:
    wanted = draft()
    odd = replace(wanted.request, path=path, query="", headers=(("x-tenant", bytes(range(256))),))
    who = Principal(Identity("idp\udc80", "\ud800"), "\ue000")
    created = await store.create(replace(wanted, request=odd, requester=who))
    assert created.ticket.draft == replace(wanted, request=odd, requester=who)
    cast_by = replace(vote(), comment=path)
    voted = await store.vote(wanted.id, 1, [cast_by], State.APPROVED, {"note": path})
    assert voted is not None
    assert voted.ticket.votes == (replace(cast_by, at=voted.now),)
    assert [event.data["note"] for event in await store.events("0", 9, 0) if "note" in event.data] == [
        path,
        path,
    ]


async def of_a_later_release(link: Link, keys: Keys = KEYS) -> None:
    fields = ("type", "ticket.delegated", "ticket", "0-" + "a" * 26, "rev", "2", "at", "1", "data", "{}")
    await link.command("XADD", keys.audit, "*", *fields)


@pytest.mark.parametrize("partitions", [1, 2])
async def test_an_event_that_only_a_later_release_knows_is_passed_over(
    settings: RedisSettings, link: Link, partitions: int
) -> None:
    store = RedisTicketStore(replace(settings, partitions=partitions))
    first = (await store.create(draft("/a"))).ticket
    for _ in range(9):
        await of_a_later_release(link, Keys.of(partitions - 1))
    second = (await store.create(draft("/b"))).ticket
    position, seen = "0", []
    while events := await store.events(position, 2, 0):
        position = events[-1].position
        seen += [event.ticket_id for event in events]
    assert seen == [first.id, second.id]
    await store.aclose()


async def test_a_watcher_waits_on_behind_an_event_of_a_later_release(
    store: RedisTicketStore, link: Link
) -> None:
    waiting = asyncio.create_task(store.events("0", 10, 5_000))
    await of_a_later_release(link)
    assert not waiting.done()
    created = await store.create(draft())
    async with asyncio.timeout(5):
        [event] = await waiting
    assert event.ticket_id == created.ticket.id


async def test_without_the_passing_over_a_watcher_stops_for_ever(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    await of_a_later_release(link)
    await store.create(draft())
    monkeypatch.setattr(audit_module, "_TYPES", audit_module._TYPES | {b"ticket.delegated"})
    with pytest.raises(RecordUnreadable):
        await store.events("0", 10, 0)


async def test_a_damaged_event_is_not_passed_over(store: RedisTicketStore, link: Link) -> None:
    """It is one of ours that somebody changed."""
    await link.command("XADD", KEYS.audit, "*", "ticket", "0-" + "a" * 26)
    with pytest.raises(RecordUnreadable):
        await store.events("0", 10, 0)
