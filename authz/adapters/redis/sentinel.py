"""The way to the master of a Sentinel group.

The Sentinels are asked for it when there is none yet and whenever something went wrong, and the server that they
name is only believed when it says itself, on each new connection, that it is a master (Redis's guidelines for
Sentinel clients).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError

from authz.adapters.redis.address import Address, Host
from authz.adapters.redis.look_up import LONGEST_S, LookUp, refreshed
from authz.adapters.redis.node import Node, NotConnected, Wire
from authz.adapters.redis.route import Place


@dataclass(frozen=True, slots=True, order=True)
class _Named:
    """What a Sentinel said: the later the epoch, the later the failover that it knows of."""

    epoch: int
    host: Host


class SentinelRoute:
    """One master at a time, where the Sentinels say that it is."""

    scattered = False

    def __init__(self, address: Address, connections: int, timeout: float) -> None:
        """Connect nothing yet."""
        self._address = address
        self._connections = connections
        self._timeout = timeout
        self._sentinels = [
            Node(f"Sentinel {host}", _at(host, address.sentinel_options), 1, LONGEST_S)
            for host in address.hosts
        ]
        self._look_up = LookUp(self._find)
        self._master: tuple[Host, Place] | None = None
        self._doubted = False

    @property
    def nodes(self) -> Sequence[Node]:
        """See Route."""
        return (self._master[1].node,) if self._master else ()

    async def place(self, key: str) -> Place:  # noqa: ARG002 - there is one place for all keys
        """See Route."""
        if self._master is None or self._doubted:
            # A master that is known goes on working when no Sentinel does; the next failure asks them again.
            await refreshed(self._look_up, needed=self._master is None)
            self._doubted = False
        if self._master is None:
            raise NotConnected("the connections to the Sentinels are closed")
        return self._master[1]

    async def instead(self, key: str, place: Place, error: RedisError | OSError) -> Place | None:
        """See Route. A replica that was asked to write has written nothing."""
        unsent = isinstance(error, NotConnected)
        demoted = isinstance(error, ReadOnlyError) or "READONLY" in str(error)
        if not (unsent or demoted or isinstance(error, RedisConnectionError | OSError)):
            return None
        self._doubted = True
        if not (unsent or demoted):
            return None
        now = await self.place(key)
        return None if now is place else now

    def doubt(self, place: Place) -> None:
        """See Route."""
        if self._master and place is self._master[1]:
            self._doubted = True

    async def aclose(self) -> None:
        """See Route."""
        await self._look_up.aclose()
        for node in (*self._sentinels, *self.nodes):
            await node.aclose()

    async def _find(self) -> None:
        host = await self._named()
        if self._master and self._master[0] == host:
            return
        old, options = self._master, _at(host, self._address.options)
        self._master = host, Place(Node(str(host), options, self._connections, self._timeout, _is_master))
        if old:
            await old[1].node.retire()

    async def _named(self) -> Host:
        """Return the master by the newest of what a majority of the Sentinels says, or of what is said in time."""
        answers: list[_Named] = []
        failures: list[str] = []
        waiting = {asyncio.create_task(self._ask(sentinel)) for sentinel in self._sentinels}
        try:
            while waiting and len(answers) <= len(self._sentinels) // 2:
                # Without a bound of its own for the first answer: the look-up has one.
                patience = self._timeout / 4 if answers else None
                done, waiting = await asyncio.wait(
                    waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    break
                for task in done:
                    try:
                        answers.append(task.result())
                    except (RedisError, OSError, ValueError, KeyError) as error:
                        failures.append(str(error))
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if not answers:
            why = "; ".join(dict.fromkeys(failures))
            raise NotConnected(f"no Sentinel names the master {self._address.master!r}: {why}")
        return max(answers).host

    async def _ask(self, sentinel: Node) -> _Named:
        async with sentinel.wire() as wire:
            flat = cast("list[bytes]", await wire.exchange(("SENTINEL", "MASTER", self._address.master)))
        said = dict(zip(flat[::2], flat[1::2], strict=True))
        return _Named(int(said[b"config-epoch"]), Host(said[b"ip"].decode(), int(said[b"port"])))


async def _is_master(wire: Wire) -> None:
    try:
        role = cast("list[bytes]", await wire.exchange(("ROLE",)))[0]
    except ResponseError as error:
        raise RedisConnectionError(f"it doesn't tell its role: {error}") from error
    if role != b"master":
        raise RedisConnectionError(f"it is a {role.decode()}, not a master")


def _at(host: Host, options: dict[str, object]) -> dict[str, object]:
    return {**options, "host": host.name, "port": host.port}
