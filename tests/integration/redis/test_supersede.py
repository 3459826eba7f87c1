from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.redis import supersede as supersede_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, TooManyTickets
from authz.domain.events import EventType
from authz.domain.ticket import Choice, State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, under_rule, vote


async def living(store: RedisTicketStore, state: State, path: str = "/a") -> Ticket:
    ticket = (await store.create(draft(path), BODY)).ticket
    if state is State.PENDING:
        return ticket
    voted = await store.vote(ticket.id, 1, [vote()], state, {})
    assert voted is not None
    return voted.ticket


async def stored(store: RedisTicketStore, identifier: str) -> Ticket:
    loaded = await store.load(identifier)
    assert loaded is not None
    return loaded.ticket


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED])
@pytest.mark.parametrize("path", ["/a", "/a?bound-otherwise"])
async def test_one_ticket_leaves_as_another_comes(
    store: RedisTicketStore, link: Link, state: State, path: str
) -> None:
    old = await living(store, state)
    before = await store.last_position()
    wanted = draft(path, uses=3)
    created = await store.supersede(old.id, old.rev, wanted, b"{}")
    assert created is not None
    assert (created.created, created.ticket.draft, created.ticket.state) == (True, wanted, State.PENDING)
    gone = await stored(store, old.id)
    assert (gone.state, gone.rev, gone.replaced_by) == (State.SUPERSEDED, old.rev + 1, wanted.id)
    assert gone.ended_at == created.now == created.ticket.created_at
    assert gone.votes == old.votes
    left, came = await store.events(before, 9, 0)
    assert (left.type, left.ticket_id, left.rev) == (EventType.TICKET_SUPERSEDED, old.id, old.rev + 1)
    assert left.data == {"replaced_by": wanted.id}
    assert (came.type, came.ticket_id, came.rev) == (EventType.TICKET_CREATED, wanted.id, 1)
    assert await store.body(wanted.id) == b"{}"
    again = await store.create(draft(path))
    assert (again.created, again.ticket.id) == (False, wanted.id)
    assert await link.command("ZCARD", KEYS.pending) == 1
    assert await link.command("ZCARD", KEYS.approved) == 0
    assert {one.id for one in (await store.page(State.SUPERSEDED, 9, "")).tickets} == {old.id}


async def test_a_superseded_grant_gives_nothing_not_even_a_replay(store: RedisTicketStore) -> None:
    ticket = (await store.create(draft(uses=2))).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 2, NEVER) is RedeemResult.REDEEMED
    assert await store.supersede(ticket.id, 3, draft("/b"))
    results = [await store.redeem(ticket.id, digest, check(number), 2, NEVER) for number in (1, 2)]
    assert results == [RedeemResult.NOT_APPROVED] * 2


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.REJECTED])
async def test_a_ticket_that_answers_for_the_new_request_takes_the_place(
    store: RedisTicketStore, link: Link, state: State
) -> None:
    old = await living(store, State.PENDING)
    known = await living(store, state, "/b")
    audited = await link.command("XLEN", KEYS.audit)
    found = await store.supersede(old.id, 1, draft("/b"))
    assert found is not None
    assert (found.created, found.ticket) == (False, known)
    gone = await stored(store, old.id)
    assert (gone.state, gone.replaced_by) == (State.SUPERSEDED, known.id)
    assert await link.command("XLEN", KEYS.audit) == int(str(audited)) + 1
    assert (await store.events("0", 9, 0))[-1].data == {"replaced_by": known.id}


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED])
@pytest.mark.parametrize("off", [-1, 1])
async def test_another_rev_changes_nothing(
    store: RedisTicketStore, link: Link, state: State, off: int
) -> None:
    old = await living(store, state)
    audited = await link.command("XLEN", KEYS.audit)
    wanted = draft("/b")
    assert await store.supersede(old.id, old.rev + off, wanted) is None
    assert await stored(store, old.id) == old
    assert await store.load(wanted.id) is None
    assert await link.command("XLEN", KEYS.audit) == audited


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED])
async def test_after_its_deadline_a_ticket_is_not_replaced_even_if_nobody_swept(
    store: RedisTicketStore, link: Link, state: State
) -> None:
    old = await living(store, state)
    await advance(link, 30 * MINUTE)
    assert await store.supersede(old.id, old.rev, draft("/b")) is None


async def test_an_end_is_an_end(store: RedisTicketStore) -> None:
    old = await living(store, State.REJECTED)
    assert await store.supersede(old.id, 2, draft("/b")) is None
    assert await store.supersede("0-" + "a" * 26, 1, draft("/b")) is None
    assert await store.supersede("rubbish", 1, draft("/b")) is None


async def test_a_draft_of_another_partition_is_a_mistake_of_the_caller(store: RedisTicketStore) -> None:
    old = await living(store, State.PENDING)
    with pytest.raises(ValueError, match="two partitions"):
        await store.supersede(old.id, 1, replace(draft(), id="1-" + "a" * 26))


CAPS = {
    "total": "max_open_total",
    "requester": "max_open_per_requester",
    "rule": "max_open_per_rule",
}


async def test_there_is_always_room_for_what_replaces_a_pending_one(settings: RedisSettings) -> None:
    """Also where somebody has lowered the caps meanwhile."""
    store = RedisTicketStore(settings)
    old = await living(store, State.PENDING)
    await store.create(draft("/other"))
    await store.aclose()
    lowered = replace(settings, max_open_total=1, max_open_per_requester=1, max_open_per_rule=1)
    tight = RedisTicketStore(lowered)
    created = await tight.supersede(old.id, 1, draft("/b"))
    assert created is not None
    assert created.created
    with pytest.raises(TooManyTickets):
        await tight.create(draft("/c"))
    await tight.aclose()


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize(("scope", "setting"), CAPS.items())
async def test_what_replaces_a_grant_needs_room_among_the_open_ones(
    settings: RedisSettings, monkeypatch: pytest.MonkeyPatch, scope: str, setting: str, *, guarded: bool
) -> None:
    if not guarded:
        source = supersede_module._SCRIPT.source.decode()
        guard = "taken() or crowded(now, place) or too_much(now)"
        assert guard in source
        script = Script.of(source.replace(guard, "taken() or too_much(now)"))
        monkeypatch.setattr(supersede_module, "_SCRIPT", script)
    store = RedisTicketStore(replace(settings, **{setting: 1}))  # type: ignore[arg-type]
    old = await living(store, State.APPROVED)
    waiting = (await store.create(draft("/other"))).ticket
    if not guarded:
        assert await store.supersede(old.id, old.rev, draft("/b")), "the control opens one more"
        await store.aclose()
        return
    with pytest.raises(TooManyTickets) as refused:
        await store.supersede(old.id, old.rev, draft("/b"))
    assert (refused.value.scope, refused.value.limit) == (scope, 1)
    assert await stored(store, old.id) == old
    await store.vote(waiting.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    created = await store.supersede(old.id, old.rev, draft("/b"))
    assert created is not None
    assert created.created, "there is room now"
    await store.aclose()


async def test_under_another_rule_a_pending_one_makes_no_room(settings: RedisSettings) -> None:
    store = RedisTicketStore(replace(settings, max_open_per_rule=1))
    old = await living(store, State.PENDING)
    await store.create(under_rule(draft("/other"), "other-rule"))
    with pytest.raises(TooManyTickets) as refused:
        await store.supersede(old.id, 1, under_rule(draft("/b"), "other-rule"))
    assert refused.value.scope == "rule"
    assert await stored(store, old.id) == old
    assert await store.supersede(old.id, 1, under_rule(draft("/b"), "third-rule"))
    await store.aclose()


async def test_beyond_the_pace_the_old_ticket_stays_as_it_was(settings: RedisSettings) -> None:
    store = RedisTicketStore(replace(settings, tickets_per_minute_per_requester=1))
    old = await living(store, State.PENDING)
    with pytest.raises(TooManyTickets) as refused:
        await store.supersede(old.id, 1, draft("/b"))
    assert refused.value.scope == "rate_requester"
    assert await stored(store, old.id) == old
    await store.aclose()


@pytest.mark.parametrize("key", [KEYS.audit, KEYS.outbox, KEYS.pace("all"), KEYS.size("all"), KEYS.garbage])
async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    store: RedisTicketStore, link: Link, key: str
) -> None:
    old = await living(store, State.PENDING)
    await link.command("DEL", key)
    await link.command("LPUSH", key, "meddled")
    with pytest.raises(RecordUnreadable, match="is a list"):
        await store.supersede(old.id, 1, draft("/b"))
    assert await stored(store, old.id) == old
    await link.command("DEL", key)


async def test_of_20_replacements_and_20_decisions_exactly_one_happens(store: RedisTicketStore) -> None:
    for _ in range(3):
        old = await living(store, State.PENDING)
        replaced, voted = await asyncio.gather(
            asyncio.gather(*(store.supersede(old.id, 1, draft("/b")) for _ in range(20))),
            asyncio.gather(*(store.vote(old.id, 1, [vote()], State.APPROVED, {}) for _ in range(20))),
        )
        assert sum(one is not None for one in [*replaced, *voted]) == 1
        await store.vote(old.id, 2, [vote(Choice.REJECT)], State.REJECTED, {})
        await advance(store.link, 60 * MINUTE)


async def test_without_the_comparison_a_decided_ticket_is_replaced(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = supersede_module._SCRIPT.source.decode()
    guard = "if not live or known[2] ~= rev then"
    assert guard in source
    monkeypatch.setattr(supersede_module, "_SCRIPT", Script.of(source.replace(guard, "if not live then")))
    old = await living(store, State.PENDING)
    await store.vote(old.id, 1, [vote()], State.APPROVED, {})
    assert await store.supersede(old.id, 1, draft("/b"))
    assert (await stored(store, old.id)).state is State.SUPERSEDED
