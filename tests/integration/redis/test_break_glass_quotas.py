"""However urgent it is, a requester breaks the glass so often, and so many uses wait for a review."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis import review_store as review_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import BreakGlassExhausted, RecordUnreadable
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, check, ending, review

Bounded = Callable[..., AbstractAsyncContextManager[RedisReviewStore]]


@pytest.fixture
def bounded(settings: RedisSettings) -> Bounded:
    """A store with some bounds tight. The partition's time stands still but for `advance`."""

    @asynccontextmanager
    async def opened(**bounds: int) -> AsyncIterator[RedisReviewStore]:
        tight = replace(settings, **bounds)  # type: ignore[arg-type]
        store = RedisTicketStore(tight)
        try:
            await advance(store.link, 60 * MINUTE)
            yield RedisReviewStore(store, tight)
        finally:
            await store.aclose()

    return opened


async def used(reviews: RedisReviewStore, number: int, who: str = "alice") -> str:
    """Break the glass for another Check, and return the review's id."""
    return (await reviews.break_glass(review(f"/{number}", who), check(number), b"{}")).review.id


async def refusal(
    reviews: RedisReviewStore, link: Link, number: int, who: str = "alice"
) -> BreakGlassExhausted:
    """Nothing is written of a use that is refused."""
    before = await link.command("DBSIZE"), await link.command("XLEN", KEYS.audit)
    with pytest.raises(BreakGlassExhausted) as refused:
        await used(reviews, number, who)
    assert (await link.command("DBSIZE"), await link.command("XLEN", KEYS.audit)) == before
    return refused.value


async def test_a_minutes_worth_may_come_at_once_and_then_one_at_a_time(bounded: Bounded, link: Link) -> None:
    async with bounded(break_glass_per_minute_per_requester=4) as reviews:
        ids = [await used(reviews, number) for number in range(4)]
        refused = await refusal(reviews, link, 4)
        assert (refused.scope, refused.limit, refused.retry_after_s) == ("rate_requester", 4, 15)
        assert await used(reviews, 3) == ids[3], "the same Check is no other use"
        assert await used(reviews, 5, "bob"), "everybody has a pace of their own"
        await advance(link, 14_000)
        assert (await refusal(reviews, link, 4)).retry_after_s == 1
        await advance(link, 1_000)
        assert await used(reviews, 4)
        assert (await refusal(reviews, link, 6)).retry_after_s == 15


OPEN = [("total", "max_open_reviews", "bob"), ("requester", "max_open_reviews_per_requester", "alice")]


@pytest.mark.parametrize(("scope", "setting", "who"), OPEN)
async def test_a_use_needs_room_among_those_that_nobody_has_reviewed(
    bounded: Bounded, link: Link, scope: str, setting: str, who: str
) -> None:
    async with bounded(**{setting: 2}) as reviews:
        first = await used(reviews, 1)
        await used(reviews, 2)
        refused = await refusal(reviews, link, 3, who)
        assert (refused.scope, refused.limit, refused.retry_after_s) == (scope, 2, 30)
        await advance(link, 30 * 24 * 60 * MINUTE)
        await refusal(reviews, link, 3, who)
        assert await reviews.finish_review(first, ending("bob"))
        assert await used(reviews, 3, who), "a review that is done makes room"
        await refusal(reviews, link, 4, who)


async def test_a_requester_without_room_keeps_nobody_else_from_it(bounded: Bounded, link: Link) -> None:
    async with bounded(max_open_reviews_per_requester=1) as reviews:
        await used(reviews, 1)
        await refusal(reviews, link, 2)
        assert await used(reviews, 2, "bob")


@pytest.mark.parametrize("bound", ["break_glass_per_minute_per_requester", "max_open_reviews_per_requester"])
async def test_of_60_at_once_no_more_come_through_than_there_is_room_for(
    bounded: Bounded, bound: str
) -> None:
    async with bounded(**{bound: 7}) as reviews:
        results = await asyncio.gather(
            *(used(reviews, number) for number in range(60)), return_exceptions=True
        )
    assert sum(isinstance(result, BreakGlassExhausted) for result in results) == 53
    assert sum(isinstance(result, str) for result in results) == 7


GUARDS = [
    ("max_open_reviews", "if redis.call('ZCOUNT', reviews, '-inf', '+inf') >= max_total then"),
    (
        "max_open_reviews_per_requester",
        "if redis.call('ZLEXCOUNT', breakers, '[' .. requester .. ':', '(' .. requester .. ';') >= max_requester then",
    ),
    ("break_glass_per_minute_per_requester", "if wait then\n  return { 'full', 'rate_requester', wait }"),
]


@pytest.mark.parametrize(("bound", "guard"), GUARDS)
async def test_without_the_bound_all_of_them_come_through(
    bounded: Bounded, monkeypatch: pytest.MonkeyPatch, bound: str, guard: str
) -> None:
    source = review_module._USED.source.decode()
    assert source.count(guard) == 1
    condition = guard.partition(" then")[0]
    monkeypatch.setattr(
        review_module, "_USED", Script.of(source.replace(guard, guard.replace(condition, "if false")))
    )
    async with bounded(**{bound: 1}) as reviews:
        assert len({await used(reviews, number) for number in range(5)}) == 5


async def test_each_partition_has_its_share_of_what_is_bounded_in_all(
    settings: RedisSettings, link: Link
) -> None:
    two = replace(settings, partitions=2, max_open_reviews=2)
    store = RedisTicketStore(two)
    reviews = RedisReviewStore(store, two)
    await used(reviews, 1)
    assert (await refusal(reviews, link, 2)).limit == 1
    there = review("/2")
    await reviews.break_glass(replace(there, id=f"1{there.id[1:]}"), check(2))
    await store.aclose()


async def test_a_review_of_the_release_before_counts_in_all_and_can_be_done(
    bounded: Bounded, link: Link
) -> None:
    """It is in nobody's own count, because nothing says whose it is."""
    async with bounded(max_open_reviews=2, max_open_reviews_per_requester=1) as reviews:
        earlier = await used(reviews, 1)
        await link.command("HDEL", KEYS.review(earlier), "requester")
        await link.command("DEL", KEYS.breakers)
        await used(reviews, 2)
        assert (await refusal(reviews, link, 3, "bob")).scope == "total"
        assert await reviews.finish_review(earlier, ending("bob"))
        assert await used(reviews, 3, "bob")


async def test_the_memory_of_a_pace_ends_by_itself(bounded: Bounded, link: Link) -> None:
    async with bounded(break_glass_per_minute_per_requester=4) as reviews:
        await used(reviews, 1)
    [pace] = cast("list[bytes]", await link.command("KEYS", "*pace:glass*"))
    assert 0 < cast("int", await link.command("PTTL", pace.decode())) <= 15_001


async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    bounded: Bounded, link: Link
) -> None:
    async with bounded() as reviews:
        await link.command("SET", KEYS.breakers, "meddled")
        with pytest.raises(RecordUnreadable, match="is a string"):
            await used(reviews, 1)
        await link.command("DEL", KEYS.breakers)
        assert await link.command("EXISTS", KEYS.audit, KEYS.outbox, KEYS.reviews) == 0
