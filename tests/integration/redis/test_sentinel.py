"""The way to a master through Sentinels: fakes that lie, and real ones that promote a replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from authz.adapters.redis import look_up, sentinel
from authz.adapters.redis.link import Link
from authz.adapters.redis.node import Wire
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import State
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import NEVER, check, draft, vote
from tests.support.fake_redis import FakeRedis, Said
from tests.support.redis_sentinel import SentinelGroup
from tests.support.redis_server import RedisServer


class FakeSentinel(FakeRedis):
    """Names `port` as the master."""

    def __init__(self, port: int, epoch: int = 1) -> None:
        super().__init__(self._named)
        self.named = port
        self.epoch = epoch

    def _named(self, command: list[bytes]) -> Said:
        if command[:2] != [b"SENTINEL", b"MASTER"] or command[2] != b"m":
            return ValueError("ERR No such master with that name")
        return [b"ip", b"127.0.0.1", b"port", b"%d" % self.named, b"config-epoch", b"%d" % self.epoch]


def url_of(*ports: int, master: str = "m") -> str:
    return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/{master}"


@pytest.fixture
async def replica(shared_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A replica of the shared server, which has what that has."""
    server = RedisServer(tmp_path, replicaof=f"127.0.0.1 {shared_server.port}", repl_diskless_sync_delay="0")
    server.start()
    primary = Link(shared_server.url, 1, 30_000)
    await primary.command("SET", "who", "primary", "PX", 60_000)
    assert await primary.command("WAIT", 1, 30_000, wait_ms=30_000) == 1
    await primary.aclose()
    yield server
    server.stop()


async def port_of(link: Link) -> int:
    info = await link.command("INFO", "server")
    assert isinstance(info, bytes)
    return int(info.partition(b"tcp_port:")[2].split()[0])


async def test_the_master_that_a_sentinel_names_is_asked(shared_server: RedisServer) -> None:
    async with FakeSentinel(shared_server.port).running() as fake:
        link = Link(url_of(fake.port), 2, 5_000)
        assert await port_of(link) == shared_server.port
        assert await port_of(link) == shared_server.port
        assert len(fake.asked) == 1, "nobody is asked again without a reason"
        await link.aclose()


@pytest.mark.parametrize("verified", [True, False])
async def test_a_replica_that_a_sentinel_takes_for_the_master_is_not_believed(
    shared_server: RedisServer, replica: RedisServer, monkeypatch: pytest.MonkeyPatch, *, verified: bool
) -> None:
    """Without the question for its role, it would be read as if it were the master."""

    async def believe(_: Wire) -> None:
        """Ask nothing."""

    if not verified:
        monkeypatch.setattr(sentinel, "_is_master", believe)
    async with FakeSentinel(replica.port).running() as fake:
        link = Link(url_of(fake.port), 2, 5_000)
        if verified:
            with pytest.raises(StoreUnavailable, match="it is a slave, not a master"):
                await link.command("GET", "who")
            fake.named = shared_server.port
            await asyncio.sleep(look_up.PAUSE_S)
            assert await port_of(link) == shared_server.port
        else:
            assert await link.command("GET", "who") == b"primary"
        await link.aclose()


async def test_a_master_that_became_a_replica_is_left_at_the_first_write(
    shared_server: RedisServer, replica: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections are still there, and it refuses to write: nothing was run, so the call goes to the new one."""
    monkeypatch.setattr(look_up, "PAUSE_S", 0)
    direct = Link(replica.url, 1, 5_000)
    await direct.command("REPLICAOF", "NO", "ONE")
    async with FakeSentinel(replica.port).running() as fake:
        link = Link(url_of(fake.port), 2, 5_000)
        await link.command("SET", "x", "1", "PX", 60_000)
        await direct.command("REPLICAOF", "127.0.0.1", shared_server.port)
        fake.named = shared_server.port
        await link.command("SET", "x", "2", "PX", 60_000)
        assert await port_of(link) == shared_server.port
        assert await link.command("GET", "x") == b"2"
        await link.aclose()
    await direct.aclose()


async def test_the_latest_failover_that_any_of_a_majority_knows_of_counts(
    shared_server: RedisServer, replica: RedisServer
) -> None:
    async with AsyncExitStack() as stack:
        old = [FakeSentinel(replica.port, epoch=3) for _ in range(2)]
        new = FakeSentinel(shared_server.port, epoch=4)
        ports = [(await stack.enter_async_context(fake.running())).port for fake in (*old, new)]
        link = Link(url_of(*ports[1:]), 2, 5_000)
        assert await port_of(link) == shared_server.port
        await link.aclose()


async def test_sentinels_that_are_away_or_silent_stop_nobody(shared_server: RedisServer) -> None:
    silent = FakeRedis(lambda _: ...)
    async with silent.running(), FakeSentinel(shared_server.port).running() as fake:
        link = Link(url_of(1, silent.port, fake.port), 2, 2_000)
        assert await port_of(link) == shared_server.port
        assert silent.asked
        await link.aclose()


async def test_a_master_that_is_known_goes_on_when_no_sentinel_does(
    shared_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up, "PAUSE_S", 0)
    async with FakeSentinel(shared_server.port).running() as fake:
        link = Link(url_of(fake.port), 2, 2_000)
        assert await port_of(link) == shared_server.port
    with pytest.raises(StoreUnavailable):
        await link.command("BLPOP", "{holdgate:p0}:none", 9)  # a doubt
    assert await port_of(link) == shared_server.port
    await link.aclose()


@pytest.mark.parametrize("master", ["m", "other"])
async def test_why_there_is_no_master_is_said(master: str) -> None:
    async with FakeSentinel(1).running() as fake:
        link = Link(url_of(fake.port, master=master), 2, 2_000)
        why = "127.0.0.1:1" if master == "m" else "no Sentinel names the master 'other': No such master"
        with pytest.raises(StoreUnavailable, match=why):
            await link.command("PING")
        await link.aclose()


async def test_an_outage_is_no_flood_of_questions() -> None:
    async with FakeSentinel(1).running() as fake:
        link = Link(url_of(fake.port), 64, 2_000)
        begun = asyncio.get_running_loop().time()
        calls = [link.command("PING") for _ in range(200)]
        failed = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, StoreUnavailable) for one in failed)
        took = asyncio.get_running_loop().time() - begun
        assert len(fake.asked) <= 2 + took / look_up.PAUSE_S
        assert len(fake.asked) < 200
        await link.aclose()


async def test_sentinels_get_their_own_password(shared_server: RedisServer) -> None:
    async with FakeSentinel(shared_server.port).running() as fake:
        named = fake.answer
        fake.answer = lambda command: b"OK" if command[0] == b"AUTH" else named(command)
        link = Link(url_of(fake.port) + "?sentinel_username=watch&sentinel_password=word", 2, 5_000)
        assert await port_of(link) == shared_server.port
        assert [b"AUTH", b"watch", b"word"] in fake.asked
        await link.aclose()


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[SentinelGroup]:
    group = SentinelGroup(tmp_path)
    try:
        await group.start()
        yield group
    finally:
        group.stop()


async def healthy(store: RedisTicketStore, path: str) -> None:
    """Make a ticket as soon as that is possible again."""
    async with asyncio.timeout(60):
        while True:
            try:
                await store.create(draft(path))
            except StoreUnavailable:
                await asyncio.sleep(0.02)
            else:
                return


@pytest.mark.parametrize("end", ["killed", "frozen"])
async def test_after_a_failover_the_promoted_replica_goes_on_with_what_it_had(
    group: SentinelGroup, end: str
) -> None:
    """A frozen primary keeps its connections: only calls that get no answer tell that it is gone."""
    store = RedisTicketStore(RedisSettings(url=group.url, timeout_ms=1_000))
    await store.start()
    ticket = (await store.create(draft("/before"))).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    await store.link.command("WAIT", 1, 900)
    copied = Link(group.primary.url, 1, 30_000)
    assert await copied.command("WAIT", 1, 30_000, wait_ms=30_000) == 1
    await copied.aclose()
    if end == "killed":
        group.primary.kill()
    else:
        group.primary.freeze()
    promoted = await group.until_promoted(group.primary)
    await healthy(store, "/after")
    assert await port_of(store.link) == promoted.port
    digest = ticket.draft.fingerprint.digest
    results = [await store.redeem(ticket.id, digest, check(number), 1, NEVER) for number in range(3)]
    assert results == [RedeemResult.REDEEMED, RedeemResult.USED_UP, RedeemResult.USED_UP]
    await store.aclose()
