from __future__ import annotations

from dataclasses import replace
from typing import cast

from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, NEVER, check, draft, vote


async def test_an_overdue_ticket_expires_once_with_event_and_notice(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    assert await store.expire_due(10) == 0
    await advance(link, 30 * MINUTE)
    assert [await store.expire_due(10), await store.expire_due(10)] == [1, 0]
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert (loaded.ticket.state, loaded.ticket.rev) == (State.EXPIRED, 2)
    assert loaded.ticket.ended_at is not None
    events = [event.type for event in await store.events("0", 10, 0)]
    assert events == [EventType.TICKET_CREATED, EventType.TICKET_EXPIRED]
    assert await link.command("XLEN", KEYS.outbox) == 2


async def test_an_unused_grant_lapses(store: RedisTicketStore, link: Link) -> None:
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    await advance(link, 15 * MINUTE)
    assert await store.expire_due(10) == 1
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket.state is State.LAPSED
    assert (await store.events("0", 10, 0))[-1].type is EventType.GRANT_LAPSED


async def test_decided_tickets_have_no_deadline_any_more(store: RedisTicketStore, link: Link) -> None:
    rejected = (await store.create(draft("/a"))).ticket
    await store.vote(rejected.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    used = (await store.create(draft("/b"))).ticket
    await store.vote(used.id, 1, [vote()], State.APPROVED, {})
    await store.redeem(used.id, used.draft.fingerprint.digest, check(1), 1, NEVER)
    await advance(link, 60 * MINUTE)
    assert await store.expire_due(10) == 0
    assert await link.command("EXISTS", KEYS.pending, KEYS.approved, KEYS.requesters) == 0


async def test_a_sweep_ends_no_more_than_it_was_told(store: RedisTicketStore, link: Link) -> None:
    for number in range(7):
        await store.create(draft(f"/{number}"))
    await advance(link, 30 * MINUTE)
    assert [await store.expire_due(3) for _ in range(4)] == [3, 3, 1, 0]


async def test_an_ended_ticket_is_forgotten_when_its_retention_is_over(
    settings: RedisSettings, link: Link
) -> None:
    store = RedisTicketStore(replace(settings, retention_ms=60 * MINUTE, reject_cooldown_ms=1))
    ticket = (await store.create(draft())).ticket
    await store.vote(ticket.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    await advance(link, 59 * MINUTE)
    await store.expire_due(10)
    assert await store.load(ticket.id) is not None
    await advance(link, MINUTE)
    await store.expire_due(10)
    assert await store.load(ticket.id) is None
    assert await link.command("EXISTS", KEYS.index, KEYS.garbage) == 0
    assert len(await store.events("0", 10, 0)) == 3, "the audit stays"
    await store.aclose()


async def test_a_record_lives_on_for_its_retention_after_it_could_end(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    left = cast("int", await link.command("PTTL", KEYS.ticket(ticket.id)))
    week = 7 * 24 * 60 * MINUTE
    assert week + 29 * MINUTE < left <= week + 30 * MINUTE


async def test_a_ticket_that_went_with_its_ttl_is_swept_out_of_every_index(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft())).ticket
    await link.command("DEL", KEYS.ticket(ticket.id))
    await advance(link, 30 * MINUTE)
    assert await store.expire_due(10) == 0
    assert await link.command("EXISTS", KEYS.pending, KEYS.requesters, KEYS.index) == 0
    assert not (await store.page(None, 9, "")).tickets
