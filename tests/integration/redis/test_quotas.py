from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis import create as create_module
from authz.adapters.redis.codec import encode_draft
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, TooManyTickets
from authz.domain.ticket import State, TicketDraft
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, draft, under_rule, vote

Bounded = Callable[..., AbstractAsyncContextManager[RedisTicketStore]]


@pytest.fixture
def bounded(settings: RedisSettings) -> Bounded:
    """A store with some bounds tight. The partition's time stands still but for `advance`."""

    @asynccontextmanager
    async def opened(**bounds: int) -> AsyncIterator[RedisTicketStore]:
        store = RedisTicketStore(replace(settings, **bounds))  # type: ignore[arg-type]
        try:
            await advance(store.link, 60 * MINUTE)
            yield store
        finally:
            await store.aclose()

    return opened


async def refusal(store: RedisTicketStore, wanted: TicketDraft, body: bytes = b"") -> TooManyTickets:
    with pytest.raises(TooManyTickets) as refused:
        await store.create(wanted, body)
    assert await store.load(wanted.id) is None
    return refused.value


async def test_open_tickets_of_a_rule_are_bounded_whoever_asks(bounded: Bounded, link: Link) -> None:
    async with bounded(max_open_per_rule=2) as store:
        first = (await store.create(draft("/1", "alice"))).ticket
        await store.create(draft("/2", "bob"))
        refused = await refusal(store, draft("/3", "carol"))
        assert (refused.scope, refused.limit, refused.retry_after_s) == ("rule", 2, 30)
        assert (await store.create(under_rule(draft("/3", "carol"), "other-rule"))).created
        await store.vote(first.id, 1, [vote()], State.APPROVED, {})
        assert (await store.create(draft("/4", "carol"))).created, "a decided ticket makes room"
        await refusal(store, draft("/5", "carol"))
        await advance(link, 30 * MINUTE)
        assert (await store.create(draft("/6", "carol"))).created, "overdue ones take none, swept or not"


PACES = [
    ("rate_total", "tickets_per_minute", draft("/other", "bob")),
    ("rate_requester", "tickets_per_minute_per_requester", draft("/other", "alice")),
    ("rate_rule", "tickets_per_minute_per_rule", draft("/other", "bob")),
]


@pytest.mark.parametrize(("scope", "setting", "wanted"), PACES)
async def test_a_minutes_worth_may_come_at_once_and_then_one_at_a_time(
    bounded: Bounded, link: Link, scope: str, setting: str, wanted: TicketDraft
) -> None:
    async with bounded(**{setting: 4}) as store:
        for number in range(4):
            await store.create(draft(f"/{number}", "alice"))
        refused = await refusal(store, wanted)
        assert (refused.scope, refused.limit, refused.retry_after_s) == (scope, 4, 15)
        assert not (await store.create(draft("/0", "alice"))).created, "an equal request needs no room"
        await advance(link, 14_000)
        assert (await refusal(store, wanted)).retry_after_s == 1
        await advance(link, 1_000)
        assert (await store.create(wanted)).created
        assert (await refusal(store, replace(draft("/next", "alice")))).retry_after_s == 15
        await advance(link, 60 * MINUTE)
        for number in range(4):
            assert (await store.create(draft(f"/later/{number}", "alice"))).created
        await refusal(store, draft("/later/4", "alice"))


async def test_other_requesters_and_rules_have_paces_of_their_own(bounded: Bounded) -> None:
    async with bounded(tickets_per_minute_per_requester=1, tickets_per_minute_per_rule=2) as store:
        await store.create(draft("/1", "alice"))
        assert (await refusal(store, draft("/2", "alice"))).scope == "rate_requester"
        await store.create(draft("/1", "bob"))
        assert (await refusal(store, draft("/1", "carol"))).scope == "rate_rule"
        assert (await store.create(under_rule(draft("/1", "carol"), "other-rule"))).created


async def test_what_was_refused_counts_for_nothing(bounded: Bounded, link: Link) -> None:
    async with bounded(tickets_per_minute_per_requester=2) as store:
        for number in range(2):
            await store.create(draft(f"/{number}"))
        for _ in range(20):
            await refusal(store, draft("/2"))
        await advance(link, 30_000)
        assert (await store.create(draft("/2"))).created


async def test_of_60_at_once_no_more_come_through_than_a_minute_may_bring(bounded: Bounded) -> None:
    async with bounded(tickets_per_minute_per_requester=7) as store:
        results = await asyncio.gather(
            *(store.create(draft(f"/{number}")) for number in range(60)), return_exceptions=True
        )
    refused = [result for result in results if isinstance(result, TooManyTickets)]
    assert len(refused) == 53
    assert {one.scope for one in refused} == {"rate_requester"}


async def test_without_the_pace_all_60_come_through(
    bounded: Bounded, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = create_module._SCRIPT.source.decode()
    guard = "if wait > 1 then"
    assert guard in source
    monkeypatch.setattr(create_module, "_SCRIPT", Script.of(source.replace(guard, "if false then")))
    async with bounded(tickets_per_minute_per_requester=7) as store:
        results = await asyncio.gather(*(store.create(draft(f"/{number}")) for number in range(60)))
    assert all(result.created for result in results)


async def test_the_memory_of_a_pace_ends_by_itself(bounded: Bounded, link: Link) -> None:
    async with bounded(tickets_per_minute_per_requester=4) as store:
        await store.create(draft())
    paces = cast("list[bytes]", await link.command("KEYS", "*pace*"))
    assert len(paces) == 3
    lefts = [cast("int", await link.command("PTTL", pace.decode())) for pace in paces]
    assert all(0 < left <= 15_001 for left in lefts)


async def test_a_quota_key_is_counted_apart_from_the_requester(bounded: Bounded) -> None:
    """Requests of nobody in particular are counted by their source address, and none is taken for another."""
    async with bounded(tickets_per_minute_per_requester=1, max_open_per_requester=1) as store:
        nobody = replace(draft(), shared=True, quota_key="192.0.2.1")
        assert (await store.create(nobody)).created
        again = replace(draft(), shared=True, quota_key="192.0.2.1")
        assert (await refusal(store, again)).scope == "requester"
        other = replace(draft(), shared=True, quota_key="192.0.2.2")
        assert (await store.create(other)).created
        assert (await store.create(draft())).created, "somebody in particular"


async def test_a_shared_requesters_equal_requests_are_tickets_of_their_own(
    bounded: Bounded, link: Link
) -> None:
    async with bounded() as store:
        made = [await store.create(replace(draft(), shared=True, quota_key="192.0.2.1")) for _ in range(3)]
    assert len({one.ticket.id for one in made}) == 3
    assert await link.command("KEYS", "*same*") == []


SIZES = [("bytes_total", "max_stored_bytes"), ("bytes_requester", "max_stored_bytes_per_requester")]


@pytest.mark.parametrize(("scope", "setting"), SIZES)
async def test_what_is_stored_is_bounded_until_it_is_gone(
    bounded: Bounded, link: Link, scope: str, setting: str
) -> None:
    body = bytes(10_000)
    # Packed, a record is a few bytes longer or shorter than another.
    most = 3 * (len(encode_draft(draft())) + len(body)) + 200
    async with bounded(**{setting: most}) as store:
        for number in range(3):
            await store.create(draft(f"/{number}"), body)
        refused = await refusal(store, draft("/3"), body)
        assert (refused.scope, refused.limit) == (scope, most)
        day, span = 24 * 3600, 6 * 3600
        assert day < refused.retry_after_s <= day + 45 * 60 + span, "the bodies go first"
        await advance(link, refused.retry_after_s * 1000 - 2_000)
        assert (await refusal(store, draft("/3"), body)).retry_after_s <= 2
        await advance(link, 2_000)
        assert (await store.create(draft("/3"), body)).created
        await advance(link, 9 * day * 1000)
        await store.expire_due(10)
        last = draft("/4")
        await store.create(last)
        fields = cast("list[bytes]", await link.command("HGETALL", KEYS.size("all")))
        assert [int(value) for value in fields[1::2]] == [len(encode_draft(last))]


async def test_without_the_bound_on_bytes_all_are_stored(
    bounded: Bounded, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = create_module._SCRIPT.source.decode()
    guard = "if sum + #record_json + #kept > max_bytes[i] then"
    assert guard in source
    monkeypatch.setattr(create_module, "_SCRIPT", Script.of(source.replace(guard, "if false then")))
    async with bounded(max_stored_bytes=1) as store:
        assert (await store.create(draft())).created


async def test_the_memory_of_sizes_is_a_few_fields_whatever_comes(bounded: Bounded, link: Link) -> None:
    async with bounded(tickets_per_minute_per_requester=10_000) as store:
        for number in range(60):
            await store.create(draft(f"/{number}"), b"{}")
            await advance(link, 6 * 60 * MINUTE)
            await store.expire_due(100)
    assert cast("int", await link.command("HLEN", KEYS.size("all"))) <= 40


@pytest.mark.parametrize("key", [KEYS.pace("all"), KEYS.size("all")])
async def test_a_key_of_another_type_is_refused_before_anything_is_written(
    bounded: Bounded, link: Link, key: str
) -> None:
    async with bounded() as store:
        await link.command("LPUSH", key, "meddled")
        with pytest.raises(RecordUnreadable, match="is a list"):
            await store.create(draft())
        await link.command("DEL", key)
        assert await link.command("EXISTS", KEYS.audit, KEYS.outbox, KEYS.pending) == 0
