from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.adapters.redis import end as end_module
from authz.adapters.redis import redeem as redeem_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.ticket import Choice, State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, NEVER, check, draft, ending, vote
from tests.integration.redis.redeemers import unguarded

REPLAY_GUARD = "if replayed and has_id"
ENDS = [(State.CANCELLED, EventType.TICKET_CANCELLED), (State.REVOKED, EventType.GRANT_REVOKED)]


async def living(store: RedisTicketStore, end: State, uses: int = 1) -> Ticket:
    """A ticket that can be ended so."""
    ticket = (await store.create(draft(uses=uses))).ticket
    if end is State.CANCELLED:
        return ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    return voted.ticket


@pytest.mark.parametrize(("state", "event"), ENDS)
async def test_an_end_says_who_and_why_and_makes_room(
    store: RedisTicketStore, link: Link, state: State, event: EventType
) -> None:
    ticket = await living(store, state)
    why = replace(ending(comment="wrong cluster: „prod“ \udcff"), identity=Identity("idp\udc80", "alice"))
    ended = await store.end(ticket.id, ticket.rev, state, why)
    assert ended is not None
    assert (ended.ticket.state, ended.ticket.rev) == (state, ticket.rev + 1)
    assert (ended.ticket.ending, ended.ticket.ended_at) == (why, ended.now)
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket == ended.ticket
    told = (await store.events("0", 10, 0))[-1]
    assert (told.type, told.rev) == (event, ticket.rev + 1)
    assert told.data["by"]["person"] == "alice"  # type: ignore[index]
    assert await link.command("EXISTS", KEYS.pending, KEYS.approved, KEYS.requesters) == 0
    assert [one.id for one in (await store.page(state, 9, "")).tickets] == [ticket.id]
    assert (await store.create(draft())).created, "an equal request gets a ticket of its own"


@pytest.mark.parametrize(("state", "event"), ENDS)
async def test_an_ended_ticket_is_forgotten_when_its_retention_is_over(
    store: RedisTicketStore, link: Link, state: State, event: EventType
) -> None:
    ticket = await living(store, state)
    await store.end(ticket.id, ticket.rev, state, ending())
    await advance(link, 7 * 24 * 60 * MINUTE)
    await store.expire_due(10)
    assert await store.load(ticket.id) is None
    assert await link.command("EXISTS", KEYS.index, KEYS.garbage) == 0
    assert event in {one.type for one in await store.events("0", 10, 0)}


@pytest.mark.parametrize("off", [-1, 1])
async def test_another_rev_of_a_pending_ticket_changes_nothing(
    store: RedisTicketStore, link: Link, off: int
) -> None:
    ticket = await living(store, State.CANCELLED)
    before = await link.command("XLEN", KEYS.audit)
    assert await store.end(ticket.id, ticket.rev + off, State.CANCELLED, ending()) is None
    assert await link.command("XLEN", KEYS.audit) == before


async def test_only_what_is_pending_is_cancelled_and_only_a_grant_is_revoked(store: RedisTicketStore) -> None:
    pending = await living(store, State.CANCELLED)
    assert await store.end(pending.id, 1, State.REVOKED, ending()) is None
    await store.vote(pending.id, 1, [vote()], State.APPROVED, {})
    assert await store.end(pending.id, 2, State.CANCELLED, ending()) is None
    await store.end(pending.id, 2, State.REVOKED, ending())
    for state in (State.CANCELLED, State.REVOKED):
        assert await store.end(pending.id, 3, state, ending()) is None, "an end is an end"
    assert await store.vote(pending.id, 3, [vote(Choice.REJECT)], State.REJECTED, {}) is None


@pytest.mark.parametrize("state", [State.CANCELLED, State.REVOKED])
async def test_after_the_deadline_nothing_is_ended_even_if_nobody_swept(
    store: RedisTicketStore, link: Link, state: State
) -> None:
    ticket = await living(store, state)
    await advance(link, 30 * MINUTE)
    assert await store.end(ticket.id, ticket.rev, state, ending()) is None


async def test_no_ticket_and_an_impossible_end(store: RedisTicketStore, link: Link) -> None:
    assert await store.end("0-" + "a" * 26, 1, State.CANCELLED, ending()) is None
    assert await store.end("rubbish", 1, State.CANCELLED, ending()) is None
    assert await link.command("KEYS", "*ticket*") == []
    ticket = await living(store, State.CANCELLED)
    with pytest.raises(ValueError, match="expired"):
        await store.end(ticket.id, 1, State.EXPIRED, ending())


@pytest.mark.parametrize("key", [KEYS.audit, KEYS.approved, KEYS.garbage, KEYS.index])
async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    store: RedisTicketStore, link: Link, key: str
) -> None:
    ticket = await living(store, State.REVOKED)
    outbox = await link.command("XLEN", KEYS.outbox)
    await link.command("DEL", key)
    await link.command("SET", key, "meddled")
    with pytest.raises(RecordUnreadable, match="is a string"):
        await store.end(ticket.id, 2, State.REVOKED, ending())
    assert await link.command("XLEN", KEYS.outbox) == outbox
    assert await link.command("HGET", KEYS.ticket(ticket.id), "state") == b"approved"
    await link.command("DEL", key)


async def test_a_revoked_grant_gives_nothing_not_even_a_replay(store: RedisTicketStore) -> None:
    ticket = await living(store, State.REVOKED, uses=2)
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 2, NEVER) is RedeemResult.REDEEMED
    assert await store.redeem(ticket.id, digest, check(1), 2, NEVER) is RedeemResult.REPLAYED
    await store.end(ticket.id, 3, State.REVOKED, ending())
    results = [await store.redeem(ticket.id, digest, check(number), 2, NEVER) for number in (1, 2)]
    assert results == [RedeemResult.NOT_APPROVED] * 2


async def test_without_the_guard_a_revoked_grant_is_replayed(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = unguarded([]).source.decode()
    assert REPLAY_GUARD in source
    without = Script.of(source.replace(REPLAY_GUARD, "if has_id"))
    monkeypatch.setattr(redeem_module, "_SCRIPT", without)
    ticket = await living(store, State.REVOKED, uses=2)
    digest = ticket.draft.fingerprint.digest
    await store.redeem(ticket.id, digest, check(1), 2, NEVER)
    await store.end(ticket.id, 3, State.REVOKED, ending())
    assert await store.redeem(ticket.id, digest, check(1), 2, NEVER) is RedeemResult.REPLAYED


async def test_of_50_revocations_and_50_redemptions_of_one_use_exactly_one_happens(
    store: RedisTicketStore,
) -> None:
    for _ in range(5):
        ticket = await living(store, State.REVOKED)
        digest = ticket.draft.fingerprint.digest
        revoked, redeemed = await asyncio.gather(
            asyncio.gather(*(store.end(ticket.id, 2, State.REVOKED, ending()) for _ in range(50))),
            asyncio.gather(*(store.redeem(ticket.id, digest, check(n), 1, NEVER) for n in range(50))),
        )
        happened = sum(one is not None for one in revoked) + redeemed.count(RedeemResult.REDEEMED)
        assert happened == 1


async def test_a_grant_in_heavy_use_is_revoked_all_the_same(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A use between look and grip is no reason to go on; control: with the comparison of revs it was one."""
    ticket = await living(store, State.REVOKED, uses=1000)
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 1000, NEVER) is RedeemResult.REDEEMED
    script = end_module._SCRIPT
    compared = script.source.decode().replace("(from == 'pending' and known[2] ~= rev)", "known[2] ~= rev")
    monkeypatch.setattr(end_module, "_SCRIPT", Script.of(compared))
    assert await store.end(ticket.id, ticket.rev, State.REVOKED, ending()) is None
    monkeypatch.setattr(end_module, "_SCRIPT", script)
    ended = await store.end(ticket.id, ticket.rev, State.REVOKED, ending())
    assert ended is not None
    assert (ended.ticket.state, ended.ticket.rev) == (State.REVOKED, ticket.rev + 2)
    assert await store.redeem(ticket.id, digest, check(2), 1000, NEVER) is RedeemResult.NOT_APPROVED


async def test_without_the_comparison_a_used_grant_is_revoked_as_well(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = end_module._SCRIPT.source.decode()
    guard = "known[1] ~= from or (from == 'pending' and known[2] ~= rev) or "
    assert guard in source
    monkeypatch.setattr(end_module, "_SCRIPT", Script.of(source.replace(guard, "")))
    ticket = await living(store, State.REVOKED)
    await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER)
    ended = await store.end(ticket.id, 2, State.REVOKED, ending())
    assert ended is not None
    assert ended.ticket.state is State.REVOKED
