"""The way to the nodes of a Redis Cluster: by slot, as the nodes say (Redis Cluster specification)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from authz.adapters.redis.address import Address, Host
from authz.adapters.redis.look_up import LookUp, refreshed
from authz.adapters.redis.node import Node, NotConnected, Reply
from authz.adapters.redis.route import Place

ASKED_MAX: Final = 5
"""Nodes that are asked at once where the slots are; the first answer counts."""


@dataclass(frozen=True, slots=True)
class _Range:
    first: int
    last: int
    host: Host


class ClusterRoute:
    """Nodes by the slots that they have. At most one redirection is followed for a call."""

    scattered = True

    def __init__(self, address: Address, connections: int, timeout: float) -> None:
        """Connect nothing yet. `connections` are for each node."""
        self._address = address
        self._connections = connections
        self._timeout = timeout
        self._nodes: dict[Host, Node] = {}
        self._ranges: list[_Range] = []
        self._moved: dict[int, Host] = {}
        self._doubted: set[Host] = set()
        self._stale = True
        self._look_up = LookUp(self._refresh)

    @property
    def nodes(self) -> Sequence[Node]:
        """See Route."""
        return tuple(self._nodes.values())

    async def place(self, key: str) -> Place:
        """See Route."""
        if self._stale:
            # What was known is better than nothing, and whoever asks the wrong node is told so.
            await refreshed(self._look_up, needed=not self._ranges)
            self._stale = False
        return Place(self._node(self._host_of(key)))

    async def instead(self, key: str, place: Place, error: RedisError | OSError) -> Place | None:
        """See Route. MOVED and ASK come instead of running anything."""
        if isinstance(error, AskError):  # MOVED is one, too
            host = Host(error.host or place.node.host, error.port)
            if not isinstance(error, MovedError):
                return Place(self._node(host), asking=True)
            self._moved[error.slot_id] = host
            self._stale = True
            return Place(self._node(host))
        if isinstance(error, ClusterDownError | RedisConnectionError | NotConnected | OSError):
            self.doubt(place)
        if not isinstance(error, NotConnected):
            return None
        now = await self.place(key)
        return None if now.node is place.node else now

    def doubt(self, place: Place) -> None:
        """See Route."""
        self._stale = True
        self._doubted.update(host for host, node in self._nodes.items() if node is place.node)

    async def aclose(self) -> None:
        """See Route."""
        await self._look_up.aclose()
        for node in self.nodes:
            await node.aclose()

    def _host_of(self, key: str) -> Host:
        if not key:
            return random.choice(self._ranges).host  # noqa: S311 - which node is asked is no secret
        slot = key_slot(key.encode())
        if slot in self._moved:
            return self._moved[slot]
        for each in self._ranges:
            if each.first <= slot <= each.last:
                return each.host
        raise NotConnected(f"no node of the cluster has slot {slot}")

    def _node(self, host: Host) -> Node:
        if host not in self._nodes:
            options = {**self._address.options, "host": host.name, "port": host.port}
            self._nodes[host] = Node(str(host), options, self._connections, self._timeout)
        return self._nodes[host]

    async def _refresh(self) -> None:
        """Ask some nodes where the slots are, none that didn't answer just now while there are others."""
        known = dict.fromkeys([*self._nodes, *self._address.hosts])
        hosts = [host for host in known if host not in self._doubted] or list(known)
        self._doubted.clear()
        asked = [
            asyncio.create_task(self._slots_of(host))
            for host in random.sample(hosts, min(len(hosts), ASKED_MAX))
        ]
        failures: list[str] = []
        try:
            for next_one in asyncio.as_completed(asked):
                try:
                    self._ranges = await next_one
                except (RedisError, OSError, ValueError) as error:
                    failures.append(str(error))
                else:
                    break
            else:
                raise NotConnected("no node tells where the slots are: " + "; ".join(dict.fromkeys(failures)))
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        self._moved.clear()
        await self._forget_nodes({each.host for each in self._ranges})

    async def _slots_of(self, asked: Host) -> list[_Range]:
        async with self._node(asked).wire() as wire:
            reply = cast("list[list[Reply]]", await wire.exchange(("CLUSTER", "SLOTS")))
        ranges = []
        for first, last, master, *_ in reply:
            # Without a name it is the one that was asked.
            name, port = cast("list[bytes | int | None]", master)[:2]
            shown = cast("bytes | None", name) or asked.name.encode()
            ranges.append(
                _Range(int(cast("int", first)), int(cast("int", last)), Host(shown.decode(), int(port or 0)))
            )
        if not ranges:
            raise NotConnected(f"{asked} is in no cluster, or has no slots yet")
        return ranges

    async def _forget_nodes(self, kept: set[Host]) -> None:
        for host in [host for host in self._nodes if host not in kept]:
            await self._nodes.pop(host).retire()
