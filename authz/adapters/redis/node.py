"""Connections to one server.

redis-py's own client is not used for this. It retries by default, which would run a script that is not
idempotent again after its reply was lost, and its timeouts bound single reads instead of the whole call. Here
a connection goes back to the pool only after a whole reply was read from it; after anything else, a
cancellation in the middle of a command included, it is closed, so that nobody can be handed another command's
reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast
from weakref import WeakSet

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

Argument: TypeAlias = str | bytes | int
# What RESP 2 can say.
Reply: TypeAlias = "bytes | int | list[Reply] | None"
Greeting: TypeAlias = Callable[["Wire"], Awaitable[None]]


class NotConnected(RedisError):
    """No connection could be had, so nothing was sent."""


class Wire:
    """One connection while a call has it. On a node that a slot is moving to, every command asks for that first."""

    def __init__(self, connection: AbstractConnection, *, asking: bool = False) -> None:
        """Take a connected connection."""
        self._connection = connection
        self._asking = asking

    async def exchange(self, args: Sequence[Argument]) -> Reply:
        """Send one command and return its reply. Raises what redis-py raises."""
        if self._asking:
            await self.send(("ASKING",))
            await self.receive()
        await self.send(args)
        return await self.receive()

    async def send(self, args: Sequence[Argument]) -> None:
        """Send one command whose reply somebody else receives."""
        await self._connection.send_command(*args)

    async def receive(self) -> Reply:
        """Return the next thing that the server says. Raises what redis-py raises."""
        reply: Reply = await self._connection.read_response()
        return reply


class Node:
    """A bounded set of connections to one server."""

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        connections: int,
        timeout: float,
        greeting: Greeting | None = None,
    ) -> None:
        """Connect nothing yet; `timeout` is for connecting, in seconds.

        `greeting` is the first exchange of each connection, and may refuse it by raising.
        """
        self.name = name
        self.host = str(options.get("host", ""))
        bounded = {
            **options,
            # After the URL's own, because a query option there must not undo them.
            "max_connections": connections,
            "protocol": 2,
            "decode_responses": False,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "health_check_interval": 0,
            "socket_connect_timeout": timeout,
            # One deadline around the whole call instead: redis-py's costs a task for each command.
            "socket_timeout": None,
            # No CLIENT SETINFO: it would be one more reply to be interrupted in, at each connect.
            "driver_info": None,
        }
        if greeting is not None:
            bounded["redis_connect_func"] = _greeter(greeting)
        self._pool = ConnectionPool(**bounded)
        self._slots = asyncio.Semaphore(connections)
        self._made: WeakSet[AbstractConnection] = WeakSet()
        self._retired = False

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return sum(1 for one in self._made if one.is_connected)

    @asynccontextmanager
    async def wire(self, *, asking: bool = False, closing: bool = False) -> AsyncIterator[Wire]:
        """Lend a connection, which nobody else gets afterwards if it is `closing`.

        Raises NotConnected where there is none to be had.
        """
        async with self._slots:
            connection = self._checked_out()
            try:
                await self._connect(connection)
                yield Wire(connection, asking=asking)
            except ResponseError:
                raise  # a whole reply was read
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            finally:
                if self._retired or closing:
                    await connection.disconnect(nowait=True)
                await self._pool.release(connection)

    async def retire(self) -> None:
        """Close what is idle now, and the rest as soon as it is given back."""
        self._retired = True
        await self._pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    def _checked_out(self) -> AbstractConnection:
        connection = cast("AbstractConnection", self._pool.get_available_connection())  # type: ignore[no-untyped-call]
        self._made.add(connection)
        return connection

    async def _connect(self, connection: AbstractConnection) -> None:
        try:
            # Also notices a connection that the other side closed while it was idle.
            await self._pool.ensure_connection(connection)
        except (RedisError, OSError) as error:
            raise NotConnected(f"{self.name}: {error}") from error


def _greeter(greeting: Greeting) -> Callable[[AbstractConnection], Awaitable[None]]:
    async def greet(connection: AbstractConnection) -> None:
        await connection.on_connect()
        await greeting(Wire(connection))

    return greet
