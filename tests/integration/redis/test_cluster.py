"""A real cluster of three masters, and fakes that redirect without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from authz.adapters.redis import look_up
from authz.adapters.redis.inspection import look_at_redis
from authz.adapters.redis.keys import Keys, every_partition
from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.domain.ticket import State
from authz.services.doctor.redis import RedisFacts
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, vote
from tests.support.fake_redis import FakeRedis, Said
from tests.support.redis_cluster import RedisCluster

PARTITIONS = 8
KEYS = every_partition(PARTITIONS)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        asyncio.run(cluster.start())
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def settings(cluster: RedisCluster) -> RedisSettings:
    for node in cluster.nodes:
        await cluster.tell(node, "FLUSHALL")
    return RedisSettings(url=cluster.url, timeout_ms=5_000, partitions=PARTITIONS, consumer="one")


@pytest.fixture
async def outbox(settings: RedisSettings) -> AsyncIterator[RedisOutbox]:
    """With leases that don't run out while a test looks elsewhere."""
    outbox = RedisOutbox(settings)
    yield outbox
    await outbox.aclose()


@pytest.fixture(autouse=True)
async def link(settings: RedisSettings) -> AsyncIterator[Link]:
    """A connection of this cluster's instead of the directory's single server's."""
    link = Link(settings.url, 4, settings.timeout_ms)
    yield link
    await link.aclose()


def test_partitions_lie_on_every_node(cluster: RedisCluster) -> None:
    assert {cluster.node_of(keys).port for keys in KEYS} == {node.port for node in cluster.nodes}


async def test_the_whole_story_runs_over_all_nodes(
    store: RedisTicketStore, outbox: RedisOutbox, link: Link
) -> None:
    made = [(await store.create(draft(f"/{n}", partition=n % PARTITIONS), BODY)).ticket for n in range(16)]
    assert not (await store.create(draft("/3", partition=3))).created
    for ticket in made[:8]:
        assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        digest = ticket.draft.fingerprint.digest
        taken = [await store.redeem(ticket.id, digest, check(number), 1, NEVER) for number in range(2)]
        assert taken == [RedeemResult.REDEEMED, RedeemResult.USED_UP]
        assert await store.body(ticket.id) == BODY
    first = await store.page(None, 10, "")
    rest = await store.page(None, 10, first.cursor)
    assert {one.id for one in (*first.tickets, *rest.tickets)} == {ticket.id for ticket in made}
    for keys in KEYS:
        await advance(link, 31 * MINUTE, keys)
    assert await store.expire_due(100) == 8
    events = await store.events("0", 1000, 0)
    assert len(events) == 16 + 8 * 4 + 8
    assert events[-1].position == await store.last_position()
    taken_ids = []
    while notices := await outbox.take(10, 0):
        taken_ids += [notice.ticket_id for notice in notices]
        for notice in notices:
            await outbox.delivered(notice, {"teams": "m"})
    assert len(taken_ids) == len(events)


async def test_what_is_scheduled_waits_where_its_ticket_is(
    store: RedisTicketStore, outbox: RedisOutbox
) -> None:
    made = {(await store.create(draft(f"/{n}", partition=n), BODY)).ticket.id for n in range(PARTITIONS)}
    for notice in await outbox.take(PARTITIONS, 0):
        await outbox.schedule(notice, [FollowUp(EventType.TICKET_REMINDED, 1, NEVER)])
        await outbox.delivered(notice, {})
    came = await outbox.take(2 * PARTITIONS, 0)
    assert {notice.ticket_id for notice in came} == made
    assert [notice.type for notice in came] == [EventType.TICKET_REMINDED] * PARTITIONS


async def test_readers_are_woken_by_any_node(store: RedisTicketStore, outbox: RedisOutbox) -> None:
    assert await outbox.take(5, 0) == []
    for partition in (0, 1, 2):
        position = await store.last_position()
        watching = asyncio.create_task(store.events(position, 10, 5_000))
        created = await store.create(draft(f"/{partition}", partition=partition))
        [event] = await watching
        assert event.ticket_id == created.ticket.id
        async with asyncio.timeout(5):
            while not (notices := await outbox.take(5, 1_000)):
                pass
        assert [notice.ticket_id for notice in notices] == [created.ticket.id]


async def test_a_cluster_is_found_by_any_of_its_nodes(cluster: RedisCluster, settings: RedisSettings) -> None:
    url = f"redis+cluster://127.0.0.1:1,127.0.0.1:{cluster.nodes[1].port}"
    link = Link(url, 2, settings.timeout_ms)
    for keys in KEYS:
        await link.command("SET", f"{keys.tag}found", 1, "PX", 60_000, key=keys.clock)
    assert link.connected <= 2 * 3
    await link.aclose()


async def test_every_node_is_looked_at_before_it_is_trusted(
    cluster: RedisCluster, settings: RedisSettings
) -> None:
    bad = cluster.nodes[2]
    await cluster.tell(bad, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    store = RedisTicketStore(settings)
    with pytest.raises(SettingsInvalid) as refused:
        await store.start()
    assert len(refused.value.problems) == 1, "two partitions on one node are one problem"
    assert "allkeys-lru" in refused.value.problems[0]
    facts = RedisFacts(where="redis", local=True, encrypted=False, timeout=5_000)
    looked = await look_at_redis(facts, settings)
    assert [unfit.what for unfit in looked.unfit] == ["eviction"], "the doctor sees it, too"
    await cluster.tell(bad, "CONFIG", "SET", "maxmemory-policy", "noeviction")
    await store.start()
    await store.aclose()


def _elsewhere(cluster: RedisCluster, keys: Keys) -> tuple[Keys, int]:
    """Return a partition and the number of a node that it is not on."""
    at = cluster.nodes.index(cluster.node_of(keys))
    return keys, (at + 1) % len(cluster.nodes)


async def test_a_partition_that_moves_to_another_node_is_followed(
    cluster: RedisCluster, settings: RedisSettings
) -> None:
    """While its slot moves, the old node says ASK; afterwards it says MOVED. Either runs nothing itself.

    A script that names a key which isn't there yet is put off by both nodes (TRYAGAIN), so nothing changes meanwhile.
    """
    keys, number = _elsewhere(cluster, KEYS[4])
    target = cluster.nodes[number]
    store = RedisTicketStore(settings)
    await store.start()
    ticket = (await store.create(draft("/moves", partition=4))).ticket
    try:
        await cluster.begin_move(keys, target)
        loaded = await store.load(ticket.id)
        assert loaded is not None, "ASK"
        with pytest.raises(StoreUnavailable, match="rehashing"):
            await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        await cluster.end_move(keys, target)
        assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        digest = ticket.draft.fingerprint.digest
        taken = [await store.redeem(ticket.id, digest, check(number), 1, NEVER) for number in range(2)]
        assert taken == [RedeemResult.REDEEMED, RedeemResult.USED_UP], "MOVED"
        assert [event.type.value for event in await store.events("0", 1000, 0)].count("grant.redeemed") == 1
    finally:
        await cluster.move_back(keys, target)
        await store.aclose()


async def test_a_node_that_is_away_takes_only_its_own_partitions_with_it(
    tmp_path: Path, settings: RedisSettings
) -> None:
    cluster = RedisCluster(tmp_path, masters=3)
    await cluster.start()
    store = RedisTicketStore(
        RedisSettings(url=cluster.url, timeout_ms=10_000, partitions=settings.partitions)
    )
    try:
        await store.start()
        lost = cluster.node_of(KEYS[1])
        others = [number for number, keys in enumerate(KEYS) if cluster.node_of(keys) is not lost]
        before = (await store.create(draft("/lost", partition=1))).ticket
        lost.kill()
        with pytest.raises(StoreUnavailable):
            await store.load(before.id)
        for number in others:
            assert (await store.create(draft(f"/{number}", partition=number))).created
        with pytest.raises(StoreUnavailable):
            await store.expire_due(10)
        lost.start()
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await store.load(before.id)
                    break
                except StoreUnavailable:
                    await asyncio.sleep(look_up.PAUSE_S)
    finally:
        await store.aclose()
        cluster.stop()


class Node(FakeRedis):
    """Says that it has every slot, and redirects every other command as told."""

    def __init__(self, word: str) -> None:
        super().__init__(self._say)
        self.word = word
        self.to = 0

    def _say(self, command: list[bytes]) -> Said:
        if command[0] == b"CLUSTER":
            return [[0, 16_383, [b"", self.port, b"id"]]]
        if command[0] == b"ASKING":
            return b"OK"
        return ValueError(f"{self.word} 1 127.0.0.1:{self.to}")

    @property
    def got(self) -> int:
        return sum(command[0] == b"GET" for command in self.asked)


@pytest.mark.parametrize("word", ["MOVED", "ASK"])
async def test_at_most_one_redirection_is_followed(word: str) -> None:
    async with Node(word).running() as one, Node(word).running() as other:
        one.to, other.to = other.port, one.port
        link = Link(f"redis+cluster://127.0.0.1:{one.port}", 2, 5_000)
        with pytest.raises(StoreUnavailable, match="Redis refused"):
            await link.command("GET", "x", key="x")
        assert (one.got, other.got) == (1, 1)
        assert ([b"ASKING"] in other.asked) == (word == "ASK")
        await link.aclose()


async def test_a_slot_that_nobody_has_is_an_outage() -> None:
    async with Node("MOVED").running() as node:
        node.answer = lambda _: [[0, 1, [b"", node.port, b"id"]]]
        link = Link(f"redis+cluster://127.0.0.1:{node.port}", 2, 5_000)
        with pytest.raises(StoreUnavailable, match="no node of the cluster has slot"):
            await link.command("GET", "x", key="x")
        await link.aclose()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "in no cluster"),
        (ValueError("ERR This instance has cluster support disabled"), "cluster support"),
    ],
)
async def test_a_server_without_slots_is_no_cluster(said: Said, why: str) -> None:
    fake = FakeRedis(lambda _: said)
    async with fake.running():
        link = Link(f"redis+cluster://127.0.0.1:{fake.port}", 2, 5_000)
        with pytest.raises(StoreUnavailable, match=why):
            await link.command("PING")
        await link.aclose()
