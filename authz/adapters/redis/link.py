"""The one place that talks to Redis: bounded connections, bounded time, errors of ours only.

A call is sent again only where it is certain that nothing was run: a Redis that doesn't know a script, a node that
doesn't have the key, a replica that refused to write, a connection that couldn't be had. Each of them once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias, cast

from redis.exceptions import NoScriptError, RedisError, ResponseError

from authz.adapters.redis.address import Topology, parse_address
from authz.adapters.redis.cluster import ClusterRoute
from authz.adapters.redis.node import Argument, Reply, Wire
from authz.adapters.redis.route import Place, Route, SingleRoute
from authz.adapters.redis.script import Script
from authz.adapters.redis.sentinel import SentinelRoute
from authz.adapters.redis.subscription import SILENT_PINGS, messages, pinged
from authz.domain.errors import RecordUnreadable, StoreUnavailable

__all__ = ["Argument", "GroupMissing", "Link", "Reply", "written"]

_WAIT_SHARE = 0.9
Work: TypeAlias = Callable[[Wire], Awaitable[Reply]]
_ROUTES: dict[Topology, Callable[..., Route]] = {
    Topology.SINGLE: SingleRoute,
    Topology.SENTINEL: SentinelRoute,
    Topology.CLUSTER: ClusterRoute,
}


class TooFewReplicas(ResponseError):
    """It is written, but not where a failover would find it. The connection itself is fine."""


class GroupMissing(StoreUnavailable):
    """The outbox has no consumer group: it is new, or Redis lost it."""


class Link:
    """A bounded set of connections to one Redis; to each of its nodes, where it is a cluster."""

    def __init__(self, url: str, connections: int, timeout_ms: int, *, replicas: int = 0) -> None:
        """Connect nothing yet. `replicas` are to have what `run` says has to last.

        Raises ValueError for a URL that can't be read; see address.py.
        """
        address = parse_address(url)
        self._timeout = timeout_ms / 1000
        self._replicas = replicas
        self._route = _ROUTES[address.topology](address, connections, self._timeout)

    @property
    def connected(self) -> int:
        """How many connections are open, for metrics and leak checks."""
        return sum(node.connected for node in self._route.nodes)

    @property
    def scattered(self) -> bool:
        """Whether keys of different partitions may lie on different nodes, so that no one command can name both."""
        return self._route.scattered

    async def command(self, *args: Argument, key: str = "", wait_ms: int = 0) -> Reply:
        """Send one command and return its reply.

        `key` is one that it names; without one any node may be asked. `wait_ms` is how long it may itself block.
        Raises StoreUnavailable, GroupMissing, RecordUnreadable.
        """
        async with self._translated(wait_ms):
            return await self._done(key, lambda wire: wire.exchange(args))

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Argument],
        *,
        lasting: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """Run a script; raises as `command` does. A Redis that has not seen it gets the whole text.

        `lasting` says of a reply whether something was written that a failover must not undo: such a reply is only
        returned when all replicas have it, and StoreUnavailable is raised when they don't have it in time. It is
        written all the same.
        """

        async def evaluate(wire: Wire) -> Reply:
            try:
                reply = await wire.exchange(("EVALSHA", script.sha, len(keys), *keys, *args))
            except NoScriptError:
                reply = await wire.exchange(("EVAL", script.source, len(keys), *keys, *args))
            if self._replicas and lasting is not None and lasting(reply):
                await self._replicated(wire, until)
            return reply

        async with self._translated(0) as until:
            return await self._done(keys[0] if keys else "", evaluate)

    @asynccontextmanager
    async def subscribed(self, channel: str, ping_s: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """Subscribe, on a connection for this alone, and give what is published from then on.

        Raises StoreUnavailable, while it is used as well: then what is published goes unheard. `ping_s` is how often
        the server is asked for a sign of life.
        """
        async with self._translated(0):
            place = await self._route.place("")
        async with AsyncExitStack() as stack:
            async with self._translated(0):
                try:
                    wire = await stack.enter_async_context(place.node.wire(closing=True))
                    await wire.exchange(("SUBSCRIBE", channel))
                except (RedisError, OSError):
                    self._route.doubt(place)
                    raise
            await stack.enter_async_context(pinged(wire, ping_s))
            try:
                yield messages(wire, SILENT_PINGS * ping_s)
            except (RedisError, OSError, TimeoutError) as error:
                self._route.doubt(place)
                raise StoreUnavailable(f"the subscription to Redis broke: {error!r}") from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._route.aclose()

    async def _replicated(self, wire: Wire, until: float) -> None:
        """Wait for the replicas on the connection that wrote: another one's WAIT knows nothing of it."""
        # Less than what is left, so that the answer comes in time and the connection stays of use.
        left_ms = (until - asyncio.get_running_loop().time()) * 1000 * _WAIT_SHARE
        acknowledged = cast("int", await wire.exchange(("WAIT", self._replicas, max(1, int(left_ms)))))
        if acknowledged < self._replicas:
            raise TooFewReplicas(f"{acknowledged} of {self._replicas} replicas have what was written")

    async def _done(self, key: str, work: Work) -> Reply:
        place = await self._route.place(key)
        try:
            return await self._done_at(place, work)
        except (RedisError, OSError) as error:
            other = await self._route.instead(key, place, error)
            if other is None:
                raise
        return await self._done_at(other, work)

    async def _done_at(self, place: Place, work: Work) -> Reply:
        try:
            async with place.node.wire(asking=place.asking) as wire:
                return await work(wire)
        except asyncio.CancelledError:
            # The deadline, most of the time: what doesn't answer may have been replaced.
            self._route.doubt(place)
            raise

    @asynccontextmanager
    async def _translated(self, wait_ms: int) -> AsyncIterator[float]:
        """Bound what is done and translate what it raises; the deadline is on the loop's clock."""
        limit = self._timeout + wait_ms / 1000
        until = asyncio.get_running_loop().time() + limit
        try:
            async with asyncio.timeout_at(until):
                yield until
        except TooFewReplicas as error:
            raise StoreUnavailable(str(error)) from error
        except ResponseError as error:
            text = str(error)
            if "NOGROUP" in text:
                raise GroupMissing(text) from error
            if "DAMAGED" in text or "WRONGTYPE" in text:
                raise RecordUnreadable(text) from error
            raise StoreUnavailable(f"Redis refused: {text}") from error
        except TimeoutError as error:
            raise StoreUnavailable(f"Redis did not answer within {limit * 1000:.0f} ms") from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis can't be reached: {error}") from error


def written(reply: Reply) -> bool:
    """Say for `lasting` whether a transition happened: those that didn't answer nil."""
    return reply is not None
