from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.redis import create
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script, text_of
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, TooManyTickets
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State, TicketDraft
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, NEVER, check, draft, vote


async def test_a_new_ticket_is_stored_whole_with_its_audit_event_and_its_notice(
    store: RedisTicketStore, link: Link
) -> None:
    wanted = draft()
    created = await store.create(wanted)
    assert created.created
    assert created.ticket.draft == wanted
    assert created.ticket.state is State.PENDING
    assert created.ticket.rev == 1
    assert created.ticket.expires_at - created.ticket.created_at == wanted.requirement.expires_in_ms
    loaded = await store.load(wanted.id)
    assert loaded is not None
    assert loaded.ticket == created.ticket
    [event] = await store.events("0", 10, 0)
    assert (event.type, event.ticket_id, event.rev, event.at) == (
        EventType.TICKET_CREATED,
        wanted.id,
        1,
        created.ticket.created_at,
    )
    assert "body" not in event.data["request"]  # type: ignore[operator]
    assert await link.command("XLEN", KEYS.outbox) == 1


async def test_1000_concurrent_equal_requests_get_one_ticket_and_one_notice(
    settings: RedisSettings, link: Link
) -> None:
    store = RedisTicketStore(replace(settings, timeout_ms=60_000))  # the last of them waits for a connection
    results = await asyncio.gather(*(store.create(draft()) for _ in range(1000)))
    assert len({result.ticket.id for result in results}) == 1
    assert sum(result.created for result in results) == 1
    assert await link.command("XLEN", KEYS.outbox) == 1
    assert await link.command("XLEN", KEYS.audit) == 1
    await store.aclose()


async def test_without_the_pointer_equal_requests_get_many_tickets(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "local named = redis.call('GET', pointer) or ''"
    source = text_of("prelude") + text_of("pace") + text_of("opening") + text_of("create")
    assert guard in source
    monkeypatch.setattr(create, "_SCRIPT", Script.of(source.replace(guard, "local named = ''")))
    results = await asyncio.gather(*(store.create(draft()) for _ in range(50)))
    assert len({result.ticket.id for result in results}) > 1


@pytest.mark.parametrize("other", [draft("/b"), draft(who="carol")])
async def test_another_request_or_requester_gets_a_ticket_of_its_own(
    store: RedisTicketStore, other: TicketDraft
) -> None:
    first = await store.create(draft())
    second = await store.create(other)
    assert second.created
    assert first.ticket.id != second.ticket.id


async def test_an_approved_ticket_answers_for_an_equal_request_until_its_uses_are_taken(
    store: RedisTicketStore,
) -> None:
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    again = await store.create(draft())
    assert (again.created, again.ticket.id, again.ticket.state) == (False, ticket.id, State.APPROVED)
    await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER)
    assert (await store.create(draft())).created


async def test_an_approved_ticket_stops_answering_when_its_window_is_over(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    await advance(link, 15 * MINUTE)
    assert (await store.create(draft())).created


async def test_a_pending_ticket_stops_answering_at_its_deadline_even_if_nobody_swept(
    store: RedisTicketStore, link: Link
) -> None:
    await store.create(draft())
    await advance(link, 30 * MINUTE - 2_000)
    assert not (await store.create(draft())).created
    await advance(link, 2_000)
    assert (await store.create(draft())).created


async def test_a_rejection_answers_for_the_cooldown_and_no_longer(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    await advance(link, 10 * MINUTE - 2_000)
    again = await store.create(draft())
    assert (again.created, again.ticket.state) == (False, State.REJECTED)
    await advance(link, 2_000)
    assert (await store.create(draft())).created


@pytest.mark.parametrize(("scope", "total", "each"), [("total", 3, 9), ("requester", 9, 3)])
async def test_a_cap_refuses_the_next_ticket_and_names_itself(
    settings: RedisSettings, link: Link, scope: str, total: int, each: int
) -> None:
    store = RedisTicketStore(replace(settings, max_open_total=total, max_open_per_requester=each))
    for number in range(3):
        await store.create(draft(f"/{number}"))
    with pytest.raises(TooManyTickets) as refused:
        await store.create(draft("/3"))
    assert (refused.value.scope, refused.value.limit) == (scope, 3)
    assert await link.command("XLEN", KEYS.audit) == 3
    assert not (await store.create(draft("/0"))).created, "an equal request needs no room"
    if scope == "requester":
        assert (await store.create(draft("/3", who="carol"))).created
    await advance(link, 30 * MINUTE)
    assert (await store.create(draft("/4"))).created, "overdue tickets take no room, swept or not"
    await store.aclose()


@pytest.mark.parametrize("decision", [State.APPROVED, State.REJECTED])
async def test_a_decided_ticket_makes_room(settings: RedisSettings, decision: State) -> None:
    store = RedisTicketStore(replace(settings, max_open_total=1, max_open_per_requester=1))
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], decision, {})
    assert (await store.create(draft("/b"))).created
    await store.aclose()


async def test_concurrent_creates_never_pass_a_cap(settings: RedisSettings) -> None:
    store = RedisTicketStore(replace(settings, max_open_per_requester=10))
    results = await asyncio.gather(*(store.create(draft(f"/{n}")) for n in range(60)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 10
    assert all(isinstance(result, TooManyTickets) for result in results if isinstance(result, BaseException))
    await store.aclose()


async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    store: RedisTicketStore, link: Link
) -> None:
    await link.command("SET", KEYS.garbage, "meddled")
    with pytest.raises(RecordUnreadable, match="garbage is a string"):
        await store.create(draft())
    assert await link.command("EXISTS", KEYS.audit, KEYS.outbox, KEYS.pending, KEYS.index) == 0
    await link.command("DEL", KEYS.garbage)


async def test_an_id_of_no_partition_of_ours_is_a_mistake_of_the_caller(store: RedisTicketStore) -> None:
    with pytest.raises(ValueError, match="not an id for a ticket"):
        await store.create(replace(draft(), id="1-" + "a" * 26))
