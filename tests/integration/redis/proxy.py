"""A TCP proxy in front of Redis that loses or withholds replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.ports import free_port


class Proxy:
    """Forwards to `port`. The server executes everything; what the client hears of it is up to the test."""

    def __init__(self, port: int) -> None:
        self.listen = free_port()
        self._target = port
        self._lose = 0
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.listen}/0"

    def lose_next_reply(self) -> None:
        """Close the client's connection in place of the next reply."""
        self._lose += 1

    def withhold(self) -> None:
        """Keep every reply from now on until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.listen)
        try:
            yield self
        finally:
            self.release()
            server.close()
            for writer in list(self._writers):
                writer.close()
            await asyncio.gather(*(self._closed(writer) for writer in self._writers))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, upstream}
        there = asyncio.create_task(self._forward(reader, upstream))
        await self._replies(upstream_reader, writer)
        there.cancel()
        with suppress(asyncio.CancelledError):
            await there
        for one in (writer, upstream):
            one.close()
            await self._closed(one)
        self._writers -= {writer, upstream}

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                if self._lose:
                    self._lose -= 1
                    return
                writer.write(data)
                await writer.drain()

    @staticmethod
    async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    @staticmethod
    async def _closed(writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await writer.wait_closed()
