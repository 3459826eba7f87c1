from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis import review_store as review_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.identity import Identity, Principal
from authz.domain.request import CheckId
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, check, ending, review
from tests.support.redis_server import RedisServer

WEEK = 7 * 24 * 60 * MINUTE


@pytest.fixture
def reviews(store: RedisTicketStore, settings: RedisSettings) -> RedisReviewStore:
    return RedisReviewStore(store, settings)


async def test_a_use_is_written_down_whole_with_its_audit_event_and_its_notice(
    reviews: RedisReviewStore, store: RedisTicketStore, link: Link
) -> None:
    draft = review()
    used = await reviews.break_glass(draft, check(1), b"{}")
    assert used.review.draft == draft
    assert used.review.used_at == used.now
    assert used.review.due_at == used.now + 60 * MINUTE
    assert (used.review.done_at, used.review.done_by) == (None, None)
    assert await store.body(draft.id) == b"{}"
    [event] = await store.events("0", 10, 0)
    assert (event.type, event.ticket_id, event.at) == (EventType.BREAKGLASS_USED, draft.id, used.now)
    assert event.data["justification"] == "the site is down"
    assert event.data["due_at"] == used.review.due_at
    assert await link.command("XLEN", KEYS.outbox) == 1
    again = await reviews.review(draft.id)
    assert again is not None
    assert again.review == used.review


async def test_text_that_is_no_utf8_comes_back_as_it_was(reviews: RedisReviewStore) -> None:
    odd = replace(review().request, path="/\udcff\ue000")
    draft = replace(review(), request=odd, requester=Principal(Identity("idp\udc80", "\ud800"), "\ue000"))
    assert (await reviews.break_glass(draft, check(1))).review.draft == draft
    done = await reviews.finish_review(draft.id, ending(comment="\udcff"))
    assert done is not None
    assert done.review.done_by == ending(comment="\udcff")


async def test_of_50_times_the_same_check_one_is_a_use(
    reviews: RedisReviewStore, store: RedisTicketStore
) -> None:
    used = await asyncio.gather(*(reviews.break_glass(review(), check(1)) for _ in range(50)))
    assert len({one.review.id for one in used}) == 1
    assert len(await store.events("0", 100, 0)) == 1


@pytest.mark.parametrize(
    ("path", "who", "which"),
    [("/a", "alice", check(2)), ("/b", "alice", check(1)), ("/a", "carol", check(1))],
)
async def test_another_check_request_or_person_is_another_use(
    reviews: RedisReviewStore, path: str, who: str, which: CheckId
) -> None:
    first = await reviews.break_glass(review(), check(1))
    other = replace(review(path, who), payload_digest=path * 32)
    second = await reviews.break_glass(other if path == "/b" else review(path, who), which)
    assert first.review.id != second.review.id


async def test_a_check_without_an_id_is_never_the_same(reviews: RedisReviewStore) -> None:
    used = [await reviews.break_glass(review(), CheckId("", 7)) for _ in range(2)]
    assert len({one.review.id for one in used}) == 2


async def test_without_the_pointer_the_same_check_is_many_uses(
    reviews: RedisReviewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = review_module._USED.source.decode()
    guard = "local known = has_id and redis.call('GET', once)"
    assert guard in source
    monkeypatch.setattr(review_module, "_USED", Script.of(source.replace(guard, "local known = false")))
    used = [await reviews.break_glass(review(), check(1)) for _ in range(3)]
    assert len({one.review.id for one in used}) == 3


async def test_open_reviews_come_by_due_time_and_leave_when_they_are_done(
    reviews: RedisReviewStore,
) -> None:
    made = []
    for number, within in enumerate([3, 1, 2]):
        draft = review(f"/{number}")
        terms = replace(draft.break_glass, review_within_ms=within * MINUTE)
        made.append(await reviews.break_glass(replace(draft, break_glass=terms), check(number)))
    late, first, second = (one.review.id for one in made)
    assert [one.review.id for one in await reviews.reviews(10)] == [first, second, late]
    assert [one.review.id for one in await reviews.reviews(1)] == [first]
    assert await reviews.finish_review(first, ending("bob"))
    assert [one.review.id for one in await reviews.reviews(10)] == [second, late]
    assert await reviews.reviews(0) == ()


async def test_the_reviews_of_all_partitions_are_one_list(settings: RedisSettings) -> None:
    two = replace(settings, partitions=2)
    store = RedisTicketStore(two)
    reviews = RedisReviewStore(store, two)
    made = []
    for number, within in enumerate([3, 1, 2, 4]):
        draft = review()
        terms = replace(draft.break_glass, review_within_ms=within * MINUTE)
        draft = replace(draft, id=f"{number % 2}{draft.id[1:]}", break_glass=terms)
        made.append(await reviews.break_glass(draft, check(number)))
    ids = [one.review.id for one in made]
    assert [one.review.id for one in await reviews.reviews(3)] == [ids[1], ids[2], ids[0]]
    assert await reviews.finish_review(ids[1], ending())
    assert [one.review.id for one in await reviews.reviews(9)] == [ids[2], ids[0], ids[3]]
    await store.aclose()


async def test_an_overdue_review_stays_open_until_somebody_did_it(
    reviews: RedisReviewStore, store: RedisTicketStore, link: Link
) -> None:
    used = await reviews.break_glass(review(), check(1), b"{}")
    await advance(link, 2 * WEEK)
    await store.expire_due(10)
    [still] = await reviews.reviews(10)
    assert still.review == used.review
    assert await link.command("PTTL", KEYS.review(used.review.id)) == -1
    done = await reviews.finish_review(used.review.id, ending("bob", "was needed"))
    assert done is not None
    assert (done.review.done_at, done.review.done_by) == (done.now, ending("bob", "was needed"))
    event = (await store.events("0", 10, 0))[-1]
    assert (event.type, event.rev, event.data["comment"]) == (EventType.BREAKGLASS_REVIEWED, 2, "was needed")


async def test_a_review_is_done_once_and_then_kept_for_the_retention(
    reviews: RedisReviewStore, link: Link
) -> None:
    used = await reviews.break_glass(review(), check(1), b"{}")
    results = await asyncio.gather(*(reviews.finish_review(used.review.id, ending("bob")) for _ in range(20)))
    assert sum(result is not None for result in results) == 1
    assert await link.command("XLEN", KEYS.audit) == 2
    left = cast("int", await link.command("PTTL", KEYS.review(used.review.id)))
    assert WEEK - MINUTE < left <= WEEK
    body_left = cast("int", await link.command("PTTL", KEYS.body(used.review.id)))
    assert 23 * 60 * MINUTE < body_left <= 24 * 60 * MINUTE


@pytest.mark.parametrize("identifier", ["0-" + "a" * 26, "9-" + "a" * 26, "rubbish"])
async def test_no_review_stays_no_review(reviews: RedisReviewStore, link: Link, identifier: str) -> None:
    assert await reviews.review(identifier) is None
    assert await reviews.finish_review(identifier, ending("bob")) is None
    assert await link.command("KEYS", "*review*") == []


async def test_an_id_of_no_partition_of_ours_is_a_mistake_of_the_caller(reviews: RedisReviewStore) -> None:
    with pytest.raises(ValueError, match="not an id for a review"):
        await reviews.break_glass(replace(review(), id="1-" + "a" * 26), check(1))


@pytest.mark.parametrize("key", [KEYS.audit, KEYS.outbox, KEYS.reviews])
async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    reviews: RedisReviewStore, link: Link, key: str
) -> None:
    await link.command("SET", key, "meddled")
    with pytest.raises(RecordUnreadable, match="is a string"):
        await reviews.break_glass(review(), check(1))
    await link.command("DEL", key)
    assert await link.command("KEYS", "*review*") == []


async def test_a_record_that_this_release_did_not_write_is_refused(
    reviews: RedisReviewStore, link: Link
) -> None:
    used = await reviews.break_glass(review(), check(1))
    await link.command("HSET", KEYS.review(used.review.id), "record", '{"v":3,"value":{}}')
    with pytest.raises(RecordUnreadable, match="stored review"):
        await reviews.review(used.review.id)


async def test_a_full_redis_lets_nothing_through(start_server: Callable[..., RedisServer]) -> None:
    server = start_server()
    settings = RedisSettings(url=server.url, timeout_ms=5_000)
    store = RedisTicketStore(settings)
    reviews = RedisReviewStore(store, settings)
    await store.start()
    await store.link.command("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreUnavailable):
        await reviews.break_glass(review(), check(1))
    assert await store.link.command("KEYS", "*p0*:[^m]*") == []
    server.stop()
    with pytest.raises(StoreUnavailable):
        await reviews.break_glass(review(), check(1))
    await store.aclose()
