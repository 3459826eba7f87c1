"""What a failover can bring back: with the wait for replicas nothing that was let through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.node import Wire
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import Choice, State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import NEVER, check, draft, ending, vote
from tests.integration.redis.proxy import Proxy
from tests.support.redis_server import RedisServer

Start = Callable[..., RedisServer]


async def in_step(server: RedisServer, replicas: int) -> None:
    link = Link(server.url, 1, 30_000)
    await link.command("SET", "step", 1, "PX", 60_000)
    assert await link.command("WAIT", replicas, 30_000, wait_ms=30_000) == replicas
    await link.aclose()


async def redeemed(store: RedisTicketStore, ticket: Ticket, number: int) -> bool:
    """Say whether a Check would be let through; what Redis can't answer is not."""
    try:
        digest = ticket.draft.fingerprint.digest
        result = await store.redeem(ticket.id, digest, check(number), 1, NEVER)
    except StoreUnavailable:
        return False
    return result in {RedeemResult.REDEEMED, RedeemResult.REPLAYED}


@asynccontextmanager
async def store_at(url: str, replicas: int, timeout_ms: int = 1_500) -> AsyncIterator[RedisTicketStore]:
    store = RedisTicketStore(RedisSettings(url=url, timeout_ms=timeout_ms, replicas=replicas))
    try:
        yield store
    finally:
        await store.aclose()


async def granted(store: RedisTicketStore, path: str = "/a", uses: int = 1) -> Ticket:
    ticket = (await store.create(draft(path, uses=uses))).ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    return voted.ticket


def _wait_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the replicas on a connection that wrote nothing."""

    async def elsewhere(link: Link, wire: Wire, until: float) -> None:  # noqa: ARG001 - as the original
        async with link._route.nodes[0].wire() as other:
            assert await other.exchange(("WAIT", link._replicas, 1_000)) == 1

    monkeypatch.setattr(Link, "_replicated", elsewhere)


@pytest.mark.parametrize("waiting", ["for the replica", "for nobody", "on another connection"])
async def test_a_use_that_a_promoted_replica_never_saw_was_not_let_through(
    start_server: Start, monkeypatch: pytest.MonkeyPatch, waiting: str
) -> None:
    """The link to the replica is cut, a use is taken, the primary dies, the replica is promoted."""
    primary = start_server()
    async with Proxy(primary.port).running() as cut:
        replica = start_server(replicaof=f"127.0.0.1 {cut.listen}", repl_diskless_sync_delay="0")
        await in_step(primary, 1)
        async with store_at(primary.url, 0 if waiting == "for nobody" else 1) as store:
            ticket = await granted(store)
            await in_step(primary, 1)
            if waiting == "on another connection":
                _wait_elsewhere(monkeypatch)
            cut.withhold()
            allowed = [await redeemed(store, ticket, 1)]
        primary.kill()
        await _promote(replica)
        async with store_at(replica.url, 0) as store:
            allowed.append(await redeemed(store, ticket, 2))
    assert allowed.count(True) == (1 if waiting == "for the replica" else 2)


async def _promote(server: RedisServer) -> None:
    link = Link(server.url, 1, 5_000)
    await link.command("REPLICAOF", "NO", "ONE")
    await link.aclose()


async def test_one_of_two_replicas_is_not_enough_when_both_are_waited_for(start_server: Start) -> None:
    """The one that was cut off could be the one that is promoted."""
    primary = start_server()
    start_server(replicaof=f"127.0.0.1 {primary.port}", repl_diskless_sync_delay="0")
    async with Proxy(primary.port).running() as cut:
        start_server(replicaof=f"127.0.0.1 {cut.listen}", repl_diskless_sync_delay="0")
        await in_step(primary, 2)
        async with store_at(primary.url, 2) as both, store_at(primary.url, 1) as one:
            first, second = await granted(both, "/a"), await granted(both, "/b")
            cut.withhold()
            digest = first.draft.fingerprint.digest
            with pytest.raises(StoreUnavailable, match="1 of 2 replicas have what was written"):
                await both.redeem(first.id, digest, check(1), 1, NEVER)
            assert await redeemed(one, second, 1), "the control waits for one"


async def test_a_repeated_check_is_let_through_when_the_replicas_have_caught_up(start_server: Start) -> None:
    """The use was taken by the first try, which was refused; the repetition takes none and waits as well."""
    primary = start_server()
    async with Proxy(primary.port).running() as cut:
        start_server(replicaof=f"127.0.0.1 {cut.listen}", repl_diskless_sync_delay="0")
        await in_step(primary, 1)
        async with store_at(primary.url, 1) as store:
            ticket = await granted(store)
            cut.withhold()
            assert not await redeemed(store, ticket, 1)
            assert not await redeemed(store, ticket, 1), "a replay waits, too"
            cut.release()
            await in_step(primary, 1)
            digest = ticket.draft.fingerprint.digest
            assert await store.redeem(ticket.id, digest, check(1), 1, NEVER) is RedeemResult.REPLAYED
            assert await store.redeem(ticket.id, digest, check(2), 1, NEVER) is RedeemResult.USED_UP
            assert store.link.connected == 1, "the connection stayed of use"


async def test_every_decision_waits_and_a_refusal_does_not(start_server: Start) -> None:
    primary = start_server()
    async with Proxy(primary.port).running() as cut:
        start_server(replicaof=f"127.0.0.1 {cut.listen}", repl_diskless_sync_delay="0")
        await in_step(primary, 1)
        async with store_at(primary.url, 1) as store:
            granted_one = await granted(store, "/granted")
            open_one = (await store.create(draft("/open"))).ticket
            voted = await store.vote(open_one.id, 1, [vote()], State.PENDING, {})
            assert voted is not None
            rejected = (await store.create(draft("/rejected"))).ticket
            cut.withhold()
            decisions: list[Callable[[], Awaitable[object]]] = [
                lambda: store.vote(rejected.id, 1, [vote(Choice.REJECT)], State.REJECTED, {}),
                lambda: store.withdraw(open_one.id, 2, "bob"),
                lambda: store.end(open_one.id, 3, State.CANCELLED, ending()),
                lambda: store.end(granted_one.id, 2, State.REVOKED, ending()),
            ]
            for decide in decisions:
                with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
                    await decide()
            assert await store.vote(rejected.id, 1, [vote()], State.APPROVED, {}) is None
            assert not await redeemed(store, granted_one, 1)
            assert (await store.create(draft("/new"))).created, "a new ticket lets nothing through"


async def test_below_min_replicas_nothing_is_written_at_all(start_server: Start) -> None:
    primary = start_server()
    async with store_at(primary.url, 0, 5_000) as store:
        ticket = await granted(store)
        await store.link.command("CONFIG", "SET", "min-replicas-to-write", 1)
        before = await store.link.command("HGETALL", KEYS.ticket(ticket.id))
        events = await store.events("0", 99, 0)
        with pytest.raises(StoreUnavailable, match=r"(?i)not enough good replicas"):
            await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER)
        with pytest.raises(StoreUnavailable, match=r"(?i)not enough good replicas"):
            await store.create(draft("/b"))
        assert await store.link.command("HGETALL", KEYS.ticket(ticket.id)) == before
        assert await store.events("0", 99, 0) == events
        await store.link.command("CONFIG", "SET", "min-replicas-to-write", 0)
        assert await redeemed(store, ticket, 1), "the control"


async def test_a_redis_without_its_replicas_is_not_trusted_until_they_are_there(start_server: Start) -> None:
    primary = start_server()
    async with store_at(primary.url, 1, 5_000) as store:
        with pytest.raises(StoreUnavailable, match="HOLDGATE_REDIS_REPLICAS is 1, and 0 are connected"):
            await store.start()
        with pytest.raises(StoreUnavailable, match="and 0 are connected"):
            await store.create(draft())
        start_server(replicaof=f"127.0.0.1 {primary.port}", repl_diskless_sync_delay="0")
        await in_step(primary, 1)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert (await store.create(draft())).created
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)


async def test_a_failover_under_load_doubles_no_use(start_server: Start) -> None:
    """Clients redeem grants of one use while the primary dies; what was let through is used up afterwards."""
    primary = start_server()
    replica = start_server(replicaof=f"127.0.0.1 {primary.port}", repl_diskless_sync_delay="0")
    await in_step(primary, 1)
    async with store_at(primary.url, 1, 3_000) as store:
        tickets = [await granted(store, f"/{number}") for number in range(60)]
        allowed: set[str] = set()
        warm, dead = asyncio.Event(), asyncio.Event()

        async def client(mine: list[Ticket]) -> None:
            for ticket in mine:
                if await redeemed(store, ticket, 1):
                    allowed.add(ticket.id)
                if len(allowed) > 10:
                    warm.set()
                    await dead.wait()

        clients = [asyncio.create_task(client(tickets[part::4])) for part in range(4)]
        await warm.wait()
        primary.kill()
        dead.set()
        await asyncio.gather(*clients)
    await _promote(replica)
    async with store_at(replica.url, 0, 5_000) as store:
        again = {ticket.id for ticket in tickets if await redeemed(store, ticket, 2)}
    assert len(allowed) > 10
    assert not allowed & again
