"""What a ticket leaves behind when its record goes without a sweep is found by going round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from authz.adapters.redis import tidy as tidy_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.redis.tidy import Tidying
from authz.domain.ticket import Choice, State, Ticket
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, ending, review, vote

INDEXES = (
    KEYS.pending,
    KEYS.approved,
    KEYS.requesters,
    KEYS.index,
    KEYS.garbage,
    KEYS.reviews,
    KEYS.breakers,
)


async def places(link: Link, identifier: str) -> list[str]:
    """Return the indexes that name this ticket or review."""
    named = []
    for index in INDEXES:
        members = cast("list[bytes]", await link.command("ZRANGE", index, 0, -1))
        named += [index for member in members if member.endswith(identifier.encode())]
    return named


async def pending(store: RedisTicketStore) -> Ticket:
    return (await store.create(draft(), BODY)).ticket


async def approved(store: RedisTicketStore) -> Ticket:
    ticket = await pending(store)
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    return ticket


async def rejected(store: RedisTicketStore) -> Ticket:
    ticket = await pending(store)
    await store.vote(ticket.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})
    return ticket


async def used_up(store: RedisTicketStore) -> Ticket:
    ticket = await approved(store)
    await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER)
    return ticket


async def cancelled(store: RedisTicketStore) -> Ticket:
    ticket = await pending(store)
    await store.end(ticket.id, 1, State.CANCELLED, ending())
    return ticket


async def superseded(store: RedisTicketStore) -> Ticket:
    ticket = await pending(store)
    newer = await store.supersede(ticket.id, 1, draft("/newer"))
    assert newer is not None
    await forget(store.link, KEYS.ticket(newer.ticket.id))
    return ticket


async def forget(link: Link, key: str) -> None:
    """Let a TTL take a key: one that is over already takes it at once."""
    await link.command("PEXPIREAT", key, 1)
    assert await link.command("EXISTS", key) == 0


@pytest.mark.parametrize("late", [0, 30 * 24 * 60 * MINUTE], ids=["soon", "long after"])
@pytest.mark.parametrize("make", [pending, approved, rejected, used_up, cancelled, superseded])
async def test_nothing_is_left_of_a_ticket_whose_record_went_before_any_sweep(
    store: RedisTicketStore,
    link: Link,
    make: Callable[[RedisTicketStore], Awaitable[Ticket]],
    late: int,
) -> None:
    ticket = await make(store)
    await forget(link, KEYS.ticket(ticket.id))
    assert await places(link, ticket.id)
    if late:
        await advance(link, late)
    await store.expire_due(100)
    assert await places(link, ticket.id) == []
    assert await link.command("EXISTS", *KEYS.all_of(ticket.id)) == 0
    assert not (await store.page(None, 9, "")).tickets


async def test_a_pass_is_bounded_and_the_next_one_goes_on(store: RedisTicketStore, link: Link) -> None:
    gone = [(await store.create(draft(f"/{number}"))).ticket.id for number in range(7)]
    for identifier in gone:
        await forget(link, KEYS.ticket(identifier))
    left = []
    for _ in range(9):
        await store.expire_due(3)
        left.append(cast("int", await link.command("ZCARD", KEYS.index)))
    assert left[:3] == [8, 2, 0], "two members each: one by its state, one among all"
    assert await link.command("EXISTS", KEYS.index, KEYS.requesters, KEYS.pending) == 0


async def test_what_is_behind_many_that_live_is_come_to(store: RedisTicketStore, link: Link) -> None:
    living = [(await store.create(draft(f"/{number}"))).ticket.id for number in range(9)]
    last = (await store.create(draft("/last"))).ticket.id
    await forget(link, KEYS.ticket(last))
    for _ in range(2 * 11):
        await store.expire_due(2)
    assert await places(link, last) == []
    assert {one.id for one in (await store.page(State.PENDING, 99, "")).tickets} == set(living)
    for identifier in living:
        named = await places(link, identifier)
        assert named == [KEYS.pending, *[KEYS.requesters] * 2, *[KEYS.index] * 2]


@pytest.mark.parametrize("guarded", [True, False])
async def test_the_places_of_what_is_there_stay(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:
        source = tidy_module._TIDY.source.decode()
        guard = "if gone(ticket) then"
        assert guard in source
        monkeypatch.setattr(tidy_module, "_TIDY", Script.of(source.replace(guard, "if true then")))
    ticket = await pending(store)
    granted = (await store.create(draft("/granted"))).ticket
    await store.vote(granted.id, 1, [vote()], State.APPROVED, {})
    before = [await places(link, one.id) for one in (ticket, granted)]
    for _ in range(3):
        await store.expire_due(100)
    after = [await places(link, one.id) for one in (ticket, granted)]
    assert after == (before if guarded else [[], []])
    await link.command("FLUSHALL")


@pytest.fixture
def reviews(store: RedisTicketStore, settings: RedisSettings) -> RedisReviewStore:
    return RedisReviewStore(store, settings)


async def done_by_the_release_before(link: Link, identifier: str) -> None:
    await link.command("HSET", KEYS.review(identifier), "done_at", 1)
    await link.command("PEXPIRE", KEYS.review(identifier), MINUTE)
    await link.command("ZREM", KEYS.reviews, identifier)


async def deleted(link: Link, identifier: str) -> None:
    await link.command("DEL", KEYS.review(identifier))


@pytest.mark.parametrize("end", [done_by_the_release_before, deleted])
async def test_a_review_that_is_not_open_any_more_leaves_the_counts(
    store: RedisTicketStore,
    reviews: RedisReviewStore,
    link: Link,
    end: Callable[[Link, str], Awaitable[None]],
) -> None:
    over = (await reviews.break_glass(review(), check(1))).review.id
    still = (await reviews.break_glass(review(), check(2))).review.id
    await end(link, over)
    await store.expire_due(100)
    assert await places(link, over) == []
    assert await places(link, still) == [KEYS.reviews, KEYS.breakers]


async def test_each_place_is_looked_at_once_in_a_round(store: RedisTicketStore, link: Link) -> None:
    """Also when the end of the list falls together with the end of a look."""
    for number in range(4):
        await store.create(draft(f"/{number}"))
    tidying = Tidying(link, KEYS)
    assert [await tidying.run(2) for _ in range(6)] == [0] * 6
    await link.command("FLUSHALL")
    assert await tidying.run(2) == 0
