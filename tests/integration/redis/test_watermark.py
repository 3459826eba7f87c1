"""A Redis that is nearly full: what is left is for those who wait already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from authz.adapters.redis import watermark
from authz.adapters.redis.info import read_info
from authz.adapters.redis.link import Link
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreFull, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.ticket import State
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import BODY, NEVER, check, draft, review, vote
from tests.support.redis_server import RedisServer

MEGABYTE = 1 << 20


@pytest.fixture
def server(start_server: Callable[..., RedisServer]) -> RedisServer:
    return start_server()


@pytest.fixture
async def look(server: RedisServer) -> AsyncIterator[Link]:
    link = Link(server.url, 1, 5_000)
    yield link
    await link.aclose()


async def fill(look: Link, percent: int) -> None:
    """Set the bound so that a ballast of 16 MB makes up so much of it."""
    await look.command("SETRANGE", "ballast", 16 * MEGABYTE, "x")
    used = int((await read_info(look, "", "memory"))["used_memory"])
    await look.command("CONFIG", "SET", "maxmemory", used * 100 // percent)


async def until_read_again() -> None:
    await asyncio.sleep(watermark.READING_S)


@pytest.mark.parametrize("guarded", [True, False])
async def test_nothing_new_is_held_and_everything_else_goes_on(
    server: RedisServer, look: Link, *, guarded: bool
) -> None:
    settings = RedisSettings(url=server.url, timeout_ms=5_000, memory_watermark=80 if guarded else 100)
    store = RedisTicketStore(settings)
    waiting = (await store.create(draft("/waiting"))).ticket
    granted = (await store.create(draft("/granted"))).ticket
    await fill(look, 85)
    await until_read_again()
    if not guarded:
        assert (await store.create(draft("/new"))).created, "the control takes more"
        assert await store.supersede(waiting.id, 1, draft("/instead")), "of either kind"
        await store.aclose()
        return
    with pytest.raises(StoreFull, match="at least 80 % of Redis's memory is used"):
        await store.create(draft("/new"))
    assert store.memory_used == pytest.approx(0.85, abs=0.05)
    again = await store.create(draft("/waiting"))
    assert (again.created, again.ticket.id) == (False, waiting.id), "an equal request finds its ticket"
    voted = await store.vote(granted.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    for old in (waiting, voted.ticket):
        with pytest.raises(StoreFull):
            await store.supersede(old.id, old.rev, draft("/instead"))
        untouched = await store.load(old.id)
        assert untouched is not None
        assert untouched.ticket == old
    found = await store.supersede(waiting.id, 1, draft("/granted"))
    assert found is not None, "a ticket that is there already needs no room"
    assert (found.created, found.ticket.id) == (False, granted.id)
    digest = granted.draft.fingerprint.digest
    assert await store.redeem(granted.id, digest, check(1), 1, NEVER) is RedeemResult.REDEEMED
    await look.command("DEL", "ballast")
    await until_read_again()
    assert (await store.create(draft("/new"))).created
    await store.aclose()


@pytest.mark.parametrize("guarded", [True, False])
async def test_an_emergency_goes_on_and_leaves_everything_but_the_body(
    server: RedisServer, look: Link, *, guarded: bool
) -> None:
    settings = RedisSettings(url=server.url, timeout_ms=5_000, memory_watermark=80 if guarded else 100)
    store = RedisTicketStore(settings)
    reviews = RedisReviewStore(store, settings)
    await fill(look, 85)
    used = await reviews.break_glass(review(), check(1), BODY)
    assert [one.review for one in await reviews.reviews(9)] == [used.review]
    assert [event.type for event in await store.events("0", 9, 0)] == [EventType.BREAKGLASS_USED]
    assert await store.body(used.review.id) == (None if guarded else BODY), "the control keeps it"
    await look.command("DEL", "ballast")
    await until_read_again()
    later = await reviews.break_glass(review("/later"), check(2), BODY)
    assert await store.body(later.review.id) == BODY
    await store.aclose()


async def test_redis_is_asked_once_a_second_however_many_are_held(server: RedisServer, look: Link) -> None:
    store = RedisTicketStore(
        RedisSettings(url=server.url, timeout_ms=5_000, tickets_per_minute_per_requester=1_000)
    )
    await store.start()
    await look.command("CONFIG", "RESETSTAT")
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(store.create(draft(f"/{number}")) for number in range(60)))
    took = asyncio.get_running_loop().time() - begun
    stats = await read_info(look, "", "commandstats")
    calls = int(stats["cmdstat_info"].partition("calls=")[2].partition(",")[0])
    assert 1 <= calls <= 1 + took / watermark.READING_S
    await store.aclose()


@pytest.mark.parametrize("why", ["no bound", "INFO is forbidden"])
async def test_where_redis_tells_no_bound_its_own_refusal_is_what_there_is(
    server: RedisServer, look: Link, why: str
) -> None:
    settings = RedisSettings(url=server.url, timeout_ms=5_000, durability_asserted=True)
    if why == "INFO is forbidden":
        await look.command("ACL", "SETUSER", "mute", "on", ">word", "~*", "+@all", "-info")
        await fill(look, 95)
        settings = replace(settings, url=server.url.replace("//", "//mute:word@"))
    store = RedisTicketStore(settings)
    assert (await store.create(draft())).created
    assert store.memory_used == 0
    await store.aclose()


async def test_a_redis_that_is_away_is_an_outage_and_no_lack_of_memory(server: RedisServer) -> None:
    store = RedisTicketStore(RedisSettings(url=server.url, timeout_ms=5_000))
    await store.start()
    server.kill()
    with pytest.raises(StoreUnavailable) as outage:
        await store.create(draft())
    assert not isinstance(outage.value, StoreFull)
    await store.aclose()
