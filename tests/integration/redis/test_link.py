from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from authz.adapters.redis import redeem as redeem_module
from authz.adapters.redis.codec import encode_check
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreUnavailable
from authz.domain.request import CheckId
from authz.domain.ticket import State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import NEVER, check, draft, vote
from tests.integration.redis.interruption import cancelled_at
from tests.integration.redis.proxy import Proxy
from tests.support.redis_server import RedisServer


async def warm(store: RedisTicketStore) -> None:
    """Let Redis see every script, so that the reply that gets lost is not NOSCRIPT."""
    ticket = await granted(store, "/warm")
    await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(0), 1, NEVER)
    await store.load(ticket.id)


async def granted(store: RedisTicketStore, path: str = "/a", uses: int = 1) -> Ticket:
    ticket = (await store.create(draft(path, uses=uses))).ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    return voted.ticket


async def test_a_script_that_redis_has_never_seen_or_forgot_runs_all_the_same(
    store: RedisTicketStore, link: Link
) -> None:
    await link.command("SCRIPT", "FLUSH")
    await store.create(draft("/a"))
    await link.command("SCRIPT", "FLUSH")
    assert (await store.create(draft("/b"))).created


async def test_a_refused_connection_is_an_outage(settings: RedisSettings) -> None:
    store = RedisTicketStore(replace(settings, url="redis://127.0.0.1:1/0"))
    with pytest.raises(StoreUnavailable, match="can't be reached"):
        await store.load(draft().id)


async def test_a_url_cannot_bring_retries_or_waits_back(settings: RedisSettings) -> None:
    link = Link(settings.url + "?retry_on_timeout=true&socket_timeout=60&max_connections=9", 1, 50)
    made = link._route.nodes[0]._checked_out()
    assert made.retry.get_retries() == 0
    assert (made.socket_connect_timeout, made.socket_timeout) == (0.05, None)
    assert link._route.nodes[0]._pool.max_connections == 1


async def test_waiting_for_a_connection_is_bounded_too(settings: RedisSettings) -> None:
    link = Link(settings.url, 1, 100)
    blocking = asyncio.create_task(link.command("BLPOP", "{holdgate:p0}:none", 1, wait_ms=1_500))
    await asyncio.sleep(0.02)
    with pytest.raises(StoreUnavailable, match="within 100 ms"):
        await link.command("PING")
    assert await blocking is None
    assert await link.command("PING") == b"PONG"
    await link.aclose()


async def test_a_black_hole_costs_the_timeout_and_recovery_is_quick(
    start_server: Callable[..., RedisServer],
) -> None:
    server = start_server()
    store = RedisTicketStore(RedisSettings(url=server.url, timeout_ms=150, max_connections=8))
    loop = asyncio.get_running_loop()
    ticket = (await store.create(draft())).ticket
    server.freeze()
    for _ in range(3):
        started = loop.time()
        results = await asyncio.gather(*(store.load(ticket.id) for _ in range(50)), return_exceptions=True)
        assert loop.time() - started < 1.0
        assert all(isinstance(result, StoreUnavailable) for result in results)
        assert store.link.connected == 0, "a connection that owes a reply is not kept"
    server.thaw()
    thawed = loop.time()
    while loop.time() - thawed < 1.0:
        try:
            assert await store.load(ticket.id) is not None
            break
        except StoreUnavailable:
            continue
    else:
        pytest.fail("not healthy within a second")
    patient = [await store.load(ticket.id) for _ in range(20)]
    assert all(loaded is not None for loaded in patient)
    assert store.link._route.nodes[0]._slots._value == 8, "every slot came back"
    assert store.link.connected <= 8
    await store.aclose()


async def test_a_lost_reply_to_a_create_gives_the_same_ticket_on_the_next_try(
    shared_server: RedisServer, settings: RedisSettings, link: Link
) -> None:
    async with Proxy(shared_server.port).running() as proxy:
        far = RedisTicketStore(replace(settings, url=proxy.url))
        await far.create(draft("/before"))  # which also reads how full Redis is
        written = cast("int", await link.command("XLEN", KEYS.audit))
        proxy.lose_next_reply()
        lost = draft()
        with pytest.raises(StoreUnavailable):
            await far.create(lost)
        again = await far.create(draft())
        assert (again.created, again.ticket.id) == (False, lost.id)
        assert await link.command("XLEN", KEYS.audit) == written + 1
        await far.aclose()


async def test_a_lost_reply_to_a_vote_leaves_the_vote_counted_once(
    store: RedisTicketStore, shared_server: RedisServer, settings: RedisSettings
) -> None:
    await warm(store)
    ticket = (await store.create(draft())).ticket
    async with Proxy(shared_server.port).running() as proxy:
        far = RedisTicketStore(replace(settings, url=proxy.url))
        await far.start()
        proxy.lose_next_reply()
        with pytest.raises(StoreUnavailable):
            await far.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        assert await far.vote(ticket.id, 1, [vote()], State.APPROVED, {}) is None
        loaded = await far.load(ticket.id)
        assert loaded is not None
        assert (loaded.ticket.state, len(loaded.ticket.votes)) == (State.APPROVED, 1)
        await far.aclose()


async def test_a_lost_reply_to_a_redemption_is_replayed_to_the_same_check_only(
    store: RedisTicketStore, shared_server: RedisServer, settings: RedisSettings
) -> None:
    await warm(store)
    ticket = await granted(store)
    digest = ticket.draft.fingerprint.digest
    async with Proxy(shared_server.port).running() as proxy:
        far = RedisTicketStore(replace(settings, url=proxy.url))
        await far.start()
        proxy.lose_next_reply()
        with pytest.raises(StoreUnavailable):
            await far.redeem(ticket.id, digest, check(1), 1, NEVER)
        assert await far.redeem(ticket.id, digest, check(2), 1, NEVER) is RedeemResult.USED_UP
        assert await far.redeem(ticket.id, digest, check(1), 1, NEVER) is RedeemResult.REPLAYED
        await far.aclose()


@pytest.mark.parametrize("client", ["ours", "with redis-py's own retries"])
async def test_no_use_is_taken_twice_behind_the_callers_back(
    store: RedisTicketStore, shared_server: RedisServer, settings: RedisSettings, client: str
) -> None:
    """An empty http_id makes no Check the same, so a hidden second sending would show as a second use."""
    await warm(store)
    ticket = await granted(store, uses=5)
    async with Proxy(shared_server.port).running() as proxy:
        if client == "ours":
            far = RedisTicketStore(replace(settings, url=proxy.url))
            await far.start()
            proxy.lose_next_reply()
            with pytest.raises(StoreUnavailable):
                await far.redeem(ticket.id, ticket.draft.fingerprint.digest, CheckId("", 1), 5, NEVER)
            await far.aclose()
        else:
            plain: Redis = Redis(host="127.0.0.1", port=proxy.listen, protocol=2)
            await plain.ping()
            proxy.lose_next_reply()
            args = (ticket.id, ticket.draft.fingerprint.digest, encode_check(CheckId("", 1)), "0", 5, NEVER)
            evaluate = cast("Callable[..., Awaitable[bytes]]", plain.eval)
            source = redeem_module._SCRIPT.source.decode()
            names = (*KEYS.shared, KEYS.ticket(ticket.id), KEYS.body(ticket.id))
            await evaluate(source, len(names), *names, *args, 1, 10_000, 3, 64, "{}", "{}", 1)
            await plain.aclose()
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket.uses_left == (4 if client == "ours" else 3)


@pytest.mark.parametrize("what", ["create", "vote", "redeem"])
async def test_a_call_cancelled_at_any_await_did_all_or_nothing_and_leaves_no_stale_reply(
    settings: RedisSettings, link: Link, what: str
) -> None:
    points = 0
    for number in range(50):
        await link.command("FLUSHALL")
        store = RedisTicketStore(replace(settings, max_connections=1))
        ticket = await granted(store)
        fresh = (await store.create(draft("/fresh"))).ticket
        wanted = draft("/wanted")
        if number % 2:
            await store.link.aclose()  # the awaits of connecting as well
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "create": lambda: store.create(wanted),  # noqa: B023 - called within this round
            "vote": lambda: store.vote(fresh.id, 1, [vote()], State.APPROVED, {}),  # noqa: B023 - as above
            "redeem": lambda: store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER),  # noqa: B023 - as above
        }
        was_cancelled = await cancelled_at(calls[what](), number // 2)
        points += was_cancelled
        assert await store.link.command("ECHO", f"mine {number}") == f"mine {number}".encode()
        events = await store.events("0", 20, 0)
        kinds = [event.type.value for event in events][4:]
        done = {
            "create": (["ticket.created"], await store.load(wanted.id)),
            "vote": (["vote.recorded", "ticket.approved"], await store.load(fresh.id)),
            "redeem": (["grant.redeemed", "grant.used_up"], await store.load(ticket.id)),
        }[what]
        assert kinds in ([], done[0])
        if what == "create":
            assert (done[1] is not None) == bool(kinds)
        else:
            assert done[1] is not None
            before = State.PENDING if what == "vote" else State.APPROVED
            assert (done[1].ticket.state is not before) == bool(kinds)
        assert store.link._route.nodes[0]._slots._value == 1
        await store.aclose()
        if not was_cancelled and number % 2:
            break
    else:
        pytest.fail("more awaits than expected")
    assert points >= 2, "the cancellations hit something"


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_reply_that_nobody_waits_for_any_more_reaches_nobody_else(
    shared_server: RedisServer, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy(shared_server.port).running() as proxy:
        link = Link(proxy.url, 1, 2_000)
        await link.command("PING")
        if not guarded:

            async def keep(_: AbstractConnection, **__: object) -> None:
                """Leave the connection as it is."""

            monkeypatch.setattr(AbstractConnection, "disconnect", keep)
        proxy.withhold()
        cancelled = asyncio.create_task(link.command("ECHO", "another's"))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        mine = asyncio.create_task(link.command("ECHO", "mine"))
        await asyncio.sleep(0.05)
        proxy.release()
        assert await mine == (b"mine" if guarded else b"another's")
        monkeypatch.undo()
        await link.aclose()


async def test_an_error_of_a_script_leaves_the_connection_usable(link: Link) -> None:
    before = link.connected
    with pytest.raises(StoreUnavailable, match="Redis refused"):
        await link.run(Script.of("return redis.error_reply('ERR no')"), (), ())
    assert await link.command("PING") == b"PONG"
    assert link.connected == before
