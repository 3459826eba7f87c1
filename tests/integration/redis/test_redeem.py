from __future__ import annotations

from dataclasses import replace

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.request import CheckId
from authz.domain.ticket import Choice, State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, NEVER, check, draft, vote


async def granted(store: RedisTicketStore, uses: int = 1) -> Ticket:
    ticket = (await store.create(draft(uses=uses))).ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    return voted.ticket


async def take(store: RedisTicketStore, ticket: Ticket, number: int, uses: int = 1000) -> RedeemResult:
    return await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(number), uses, NEVER)


async def stored(store: RedisTicketStore, ticket: Ticket) -> Ticket:
    loaded = await store.load(ticket.id)
    assert loaded is not None
    return loaded.ticket


async def test_a_single_use_is_taken_once_and_ends_the_grant(store: RedisTicketStore) -> None:
    ticket = await granted(store)
    assert await take(store, ticket, 1) is RedeemResult.REDEEMED
    assert await take(store, ticket, 2) is RedeemResult.USED_UP
    after = await stored(store, ticket)
    assert (after.state, after.uses_left, after.rev) == (State.USED_UP, 0, 3)
    assert after.ended_at is not None
    [use] = after.redemptions
    assert (use.check, use.replays) == (check(1), 0)
    events = [event.type for event in await store.events("0", 10, 0)]
    assert events[-2:] == [EventType.GRANT_REDEEMED, EventType.GRANT_USED_UP]
    assert events.count(EventType.GRANT_REDEEMED) == 1


async def test_several_uses_are_counted_down(store: RedisTicketStore) -> None:
    ticket = await granted(store, uses=3)
    results = [await take(store, ticket, number) for number in range(4)]
    assert results == [RedeemResult.REDEEMED] * 3 + [RedeemResult.USED_UP]
    left = [
        event.data["uses_left"]
        for event in await store.events("0", 20, 0)
        if "check" in event.data and event.type is EventType.GRANT_REDEEMED
    ]
    assert left == [2, 1, 0]


async def test_the_same_check_is_answered_alike_three_times_and_takes_one_use(
    store: RedisTicketStore,
) -> None:
    ticket = await granted(store)
    results = [await take(store, ticket, 1) for _ in range(5)]
    assert results == [RedeemResult.REDEEMED] + [RedeemResult.REPLAYED] * 3 + [RedeemResult.USED_UP]
    assert [event.type for event in await store.events("0", 10, 0)].count(EventType.GRANT_REDEEMED) == 1


async def test_a_replay_after_ten_seconds_is_a_new_use(store: RedisTicketStore, link: Link) -> None:
    ticket = await granted(store, uses=2)
    assert await take(store, ticket, 1) is RedeemResult.REDEEMED
    await advance(link, 10_001)
    assert await take(store, ticket, 1) is RedeemResult.REDEEMED
    assert await take(store, ticket, 2) is RedeemResult.USED_UP


async def test_an_empty_http_id_is_never_the_same_check(store: RedisTicketStore) -> None:
    ticket = await granted(store, uses=2)
    digest = ticket.draft.fingerprint.digest
    results = [await store.redeem(ticket.id, digest, CheckId("", 7), 9, NEVER) for _ in range(3)]
    assert results == [RedeemResult.REDEEMED, RedeemResult.REDEEMED, RedeemResult.USED_UP]


@pytest.mark.parametrize("other", [CheckId("1", 8), CheckId("2", 7)])
async def test_a_check_is_the_same_only_in_both_id_and_time(store: RedisTicketStore, other: CheckId) -> None:
    ticket = await granted(store)
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, CheckId("1", 7), 1, NEVER) is RedeemResult.REDEEMED
    assert await store.redeem(ticket.id, digest, other, 1, NEVER) is RedeemResult.USED_UP


async def test_a_replay_of_another_request_is_no_replay(store: RedisTicketStore) -> None:
    ticket = await granted(store, uses=2)
    assert await take(store, ticket, 1) is RedeemResult.REDEEMED
    assert await store.redeem(ticket.id, "0" * 64, check(1), 9, NEVER) is RedeemResult.CHANGED


async def test_checks_are_remembered_up_to_a_bound(store: RedisTicketStore) -> None:
    ticket = await granted(store, uses=100)
    for number in range(70):
        assert await take(store, ticket, number) is RedeemResult.REDEEMED
    after = await stored(store, ticket)
    assert len(after.redemptions) == 64
    assert after.uses_left == 30
    assert await take(store, ticket, 69) is RedeemResult.REPLAYED


async def test_a_changed_request_is_named_so_and_costs_nothing(store: RedisTicketStore, link: Link) -> None:
    ticket = await granted(store)
    assert await store.redeem(ticket.id, "0" * 64, check(1), 1, NEVER) is RedeemResult.CHANGED
    assert await stored(store, ticket) == ticket
    assert await link.command("XLEN", KEYS.audit) == 3


@pytest.mark.parametrize("after", [15 * MINUTE, 16 * MINUTE])
async def test_a_grant_ends_with_its_window_even_if_nobody_swept(
    store: RedisTicketStore, link: Link, after: int
) -> None:
    ticket = await granted(store)
    await advance(link, after)
    assert await take(store, ticket, 1) is RedeemResult.LAPSED


async def test_the_smaller_window_counts_from_the_approval_on(store: RedisTicketStore, link: Link) -> None:
    ticket = await granted(store)
    await advance(link, 5 * MINUTE)
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 1, 5 * MINUTE) is RedeemResult.LAPSED
    assert await store.redeem(ticket.id, digest, check(1), 1, 6 * MINUTE) is RedeemResult.REDEEMED


async def test_the_smaller_count_of_uses_counts(store: RedisTicketStore) -> None:
    ticket = await granted(store, uses=3)
    assert await take(store, ticket, 1, uses=1) is RedeemResult.REDEEMED
    assert await take(store, ticket, 2, uses=1) is RedeemResult.USED_UP
    assert await take(store, ticket, 2, uses=2) is RedeemResult.REDEEMED


async def test_a_ticket_that_nobody_approved_gives_nothing(store: RedisTicketStore) -> None:
    pending = (await store.create(draft())).ticket
    assert await take(store, pending, 1) is RedeemResult.NOT_APPROVED
    await store.vote(pending.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    assert await take(store, pending, 1) is RedeemResult.NOT_APPROVED


@pytest.mark.parametrize("identifier", ["0-" + "a" * 26, "9-" + "a" * 26, "rubbish"])
async def test_no_ticket_is_unknown_and_leaves_no_fragment(
    store: RedisTicketStore, link: Link, identifier: str
) -> None:
    missing = replace(draft(), id=identifier)
    result = await store.redeem(missing.id, missing.fingerprint.digest, check(1), 1, NEVER)
    assert result is RedeemResult.UNKNOWN
    assert await store.load(identifier) is None
    assert await link.command("KEYS", "*ticket*") == []
