"""A Redis Cluster of masters on loopback: real processes of one's own."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from redis.crc import key_slot

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Argument, Link, Reply
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import until_true

SLOTS = 16_384


class RedisCluster:
    """`masters` nodes, each with an equal run of the slots."""

    def __init__(self, directory: Path, masters: int = 3) -> None:
        self.nodes: list[RedisServer] = []
        self._buses: list[int] = []
        for number in range(masters):
            place = directory / f"node{number}"
            place.mkdir()
            bus = free_port()
            node = RedisServer(
                place,
                cluster_enabled="yes",
                cluster_port=str(bus),
                cluster_require_full_coverage="no",
                cluster_node_timeout="2000",
            )
            self.nodes.append(node)
            self._buses.append(bus)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def start(self) -> None:
        """Start the nodes, share out the slots, and wait until every node agrees."""
        for node in self.nodes:
            node.start()
        share = -(-SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            first, last = number * share, min(SLOTS, (number + 1) * share) - 1
            await self.tell(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
            await self.tell(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for other, bus in zip(self.nodes[1:], self._buses[1:], strict=True):
            await self.tell(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", other.port, bus)
        async with asyncio.timeout(60):
            for node in self.nodes:
                await until_true(partial(self._whole, node))

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def node_of(self, keys: Keys) -> RedisServer:
        """Return the node that a partition is on as long as no slot was moved."""
        share = -(-SLOTS // len(self.nodes))
        return self.nodes[key_slot(keys.clock.encode()) // share]

    async def tell(self, node: RedisServer, *args: Argument) -> Reply:
        """Run one command on one node."""
        link = Link(node.url, 1, 10_000)
        try:
            return await link.command(*args)
        finally:
            await link.aclose()

    async def begin_move(self, keys: Keys, target: RedisServer) -> None:
        """Move a partition's keys to another node, which says that it imports their slot but doesn't have it yet."""
        source, slot = self.node_of(keys), key_slot(keys.clock.encode())
        ids = [await self._id(node) for node in (source, target)]
        await self.tell(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        await self.tell(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        names = await self.tell(source, "CLUSTER", "GETKEYSINSLOT", slot, 10_000)
        assert isinstance(names, list)
        moved = [name for name in names if isinstance(name, bytes)]
        if moved:
            await self.tell(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 10_000, "KEYS", *moved)

    async def end_move(self, keys: Keys, target: RedisServer) -> None:
        """Give the slot to the node that has its keys; only that one and the old one know at first."""
        slot, owner = key_slot(keys.clock.encode()), await self._id(target)
        for node in (target, self.node_of(keys)):
            await self.tell(node, "CLUSTER", "SETSLOT", slot, "NODE", owner)

    async def move_back(self, keys: Keys, source: RedisServer) -> None:
        """Give a slot that was moved to `source` back to where it was, without its keys."""
        slot = key_slot(keys.clock.encode())
        await self.tell(source, "FLUSHALL")
        for node in self.nodes:
            await self.tell(node, "CLUSTER", "SETSLOT", slot, "NODE", await self._id(self.node_of(keys)))

    async def _id(self, node: RedisServer) -> bytes:
        identifier = await self.tell(node, "CLUSTER", "MYID")
        assert isinstance(identifier, bytes)
        return identifier

    async def _whole(self, node: RedisServer) -> bool:
        info = await self.tell(node, "CLUSTER", "INFO")
        assert isinstance(info, bytes)
        wanted = (b"cluster_state:ok", b"cluster_slots_ok:16384", b"cluster_known_nodes:%d" % len(self.nodes))
        return all(line in info for line in wanted)
