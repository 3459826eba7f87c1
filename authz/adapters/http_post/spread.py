"""Connections of an HTTP client, each with a pool of its own.

httpcore's pool looks at every connection that it has, and at every request that waits, whenever a request comes or
goes. With 20 connections that is two thirds of the CPU time of a post (`python -m bench.deliveries`). Here a request is
given to a pool of one connection, of which there are as many as there may be connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias, cast

import httpx

Origin: TypeAlias = tuple[str, str, int | None]


class SpreadTransport(httpx.AsyncBaseTransport):
    """At most `connections` at once, all to one host or to many. Use it from one event loop."""

    def __init__(
        self,
        connections: int,
        keepalive_s: float,
        make: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """`keepalive_s` is how long a connection that nobody uses stays open at most, once others are used.

        `make` gives a transport of one connection; without it, one that verifies certificates.
        """
        self._places = asyncio.Semaphore(connections)
        self._connections = connections
        self._keepalive_s = keepalive_s
        self._make = make or _single(keepalive_s)
        self._made = 0
        # Since when nobody uses it, where it leads, what it is: the longest unused first.
        self._idle: deque[tuple[float, Origin, httpx.AsyncBaseTransport]] = deque()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a connection that leads there already, or on a new one, or in the place of one to elsewhere."""
        await self._wait_for_place(request)
        origin = (request.url.scheme, request.url.host, request.url.port)
        single = None
        try:
            await self._close_unused()
            single = self._take(origin)
            response = await single.handle_async_request(request)
        except BaseException:
            self._give_back(origin, single)
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _Held(stream, lambda: self._give_back(origin, single))
        return response

    async def aclose(self) -> None:
        """Close what nobody uses; what is used is closed by who uses it."""
        while self._idle:
            await self._idle.popleft()[2].aclose()

    async def _wait_for_place(self, request: httpx.Request) -> None:
        limit_s = request.extensions.get("timeout", {}).get("pool")
        try:
            async with asyncio.timeout(limit_s):
                await self._places.acquire()
        except TimeoutError:
            msg = f"all {self._connections} connections were in use for {limit_s:g} s"
            raise httpx.PoolTimeout(msg, request=request) from None

    async def _close_unused(self) -> None:
        before = asyncio.get_running_loop().time() - self._keepalive_s
        while self._idle and self._idle[0][0] < before:
            _, _, single = self._idle.popleft()
            self._made -= 1
            await single.aclose()

    def _take(self, origin: Origin) -> httpx.AsyncBaseTransport:
        # The one used last, because it is the least likely to have been closed at the other end.
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place][1] == origin:
                single = self._idle[place][2]
                del self._idle[place]
                return single
        if self._made < self._connections:
            self._made += 1
            return self._make()
        return self._idle.popleft()[2]  # it closes its connection to elsewhere by itself

    def _give_back(self, origin: Origin, single: httpx.AsyncBaseTransport | None) -> None:
        if single is not None:
            self._idle.append((asyncio.get_running_loop().time(), origin, single))
        self._places.release()


class _Held(httpx.AsyncByteStream):
    """An answer's body, whose connection is somebody else's once it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release = release
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if not self._closed:
                self._closed = True
                self._release()


def _single(keepalive_s: float) -> Callable[[], httpx.AsyncBaseTransport]:
    context = httpx.create_ssl_context()
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=keepalive_s)
    return lambda: httpx.AsyncHTTPTransport(verify=context, limits=limits)
