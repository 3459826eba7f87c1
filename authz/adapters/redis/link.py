"""The one place that talks to Redis: bounded connections, bounded time, errors of ours only.

redis-py's own client is not used for this. It retries by default, which would run a script that is not
idempotent again after its reply was lost, and its timeouts bound single reads instead of the whole call. Here
a connection goes back to the pool only after a whole reply was read from it; after anything else, a
cancellation in the middle of a command included, it is closed, so that nobody can be handed another command's
reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast
from weakref import WeakSet

from redis.asyncio.connection import AbstractConnection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from authz.adapters.redis.script import Script
from authz.domain.errors import RecordUnreadable, StoreUnavailable

Argument: TypeAlias = str | bytes | int
# What RESP 2 can say.
Reply: TypeAlias = "bytes | int | list[Reply] | None"


class GroupMissing(StoreUnavailable):
    """The outbox has no consumer group: it is new, or Redis lost it."""


class Link:
    """A bounded set of connections to one Redis."""

    def __init__(self, url: str, connections: int, timeout_ms: int) -> None:
        """Connect nothing yet. Raises ValueError for a URL that is none of redis://, rediss:// and unix://."""
        self._timeout = timeout_ms / 1000
        options: dict[str, Any] = dict(parse_url(url))
        # After the URL's own, because a query option there must not undo them.
        options.update(
            max_connections=connections,
            protocol=2,
            decode_responses=False,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            health_check_interval=0,
            socket_connect_timeout=self._timeout,
            # One deadline around the whole call instead: redis-py's costs a task for each command.
            socket_timeout=None,
            # No CLIENT SETINFO: it would be one more reply to be interrupted in, at each connect.
            driver_info=None,
        )
        self._pool = ConnectionPool(**options)
        self._slots = asyncio.Semaphore(connections)
        self._made: WeakSet[AbstractConnection] = WeakSet()

    @property
    def connected(self) -> int:
        """How many connections are open, for metrics and leak checks."""
        return sum(1 for one in self._made if one.is_connected)

    @property
    def scattered(self) -> bool:
        """Whether keys of different partitions may lie on different nodes, so that no one command can name both."""
        return False

    async def command(self, *args: Argument, key: str = "", wait_ms: int = 0) -> Reply:  # noqa: ARG002
        """Send one command and return its reply.

        `key` is one that it names; without one any node may be asked. `wait_ms` is how long it may itself block.

        Raises StoreUnavailable, GroupMissing, RecordUnreadable. It is never sent twice.
        """
        async with self._translated(wait_ms), self._connection() as connection:
            return await self._exchange(connection, args)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Reply:
        """Run a script; raises as `command` does. A Redis that has not seen it gets the whole text.

        NOSCRIPT says that nothing was run, so this is the one case in which the call is sent again.
        """
        async with self._translated(0), self._connection() as connection:
            try:
                return await self._exchange(connection, ("EVALSHA", script.sha, len(keys), *keys, *args))
            except NoScriptError:
                return await self._exchange(connection, ("EVAL", script.source, len(keys), *keys, *args))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AbstractConnection]:
        async with self._slots:
            connection = self._checked_out()
            try:
                # Also notices a connection that the other side closed while it was idle.
                await self._pool.ensure_connection(connection)
                yield connection
            except ResponseError:
                raise  # a whole reply was read
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            finally:
                await self._pool.release(connection)

    def _checked_out(self) -> AbstractConnection:
        connection = cast("AbstractConnection", self._pool.get_available_connection())  # type: ignore[no-untyped-call]
        self._made.add(connection)
        return connection

    @staticmethod
    async def _exchange(connection: AbstractConnection, args: Sequence[Argument]) -> Reply:
        await connection.send_command(*args)
        reply: Reply = await connection.read_response()
        return reply

    @asynccontextmanager
    async def _translated(self, wait_ms: int) -> AsyncIterator[None]:
        limit = self._timeout + wait_ms / 1000
        try:
            async with asyncio.timeout(limit):
                yield
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
