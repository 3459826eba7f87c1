"""A server that speaks as Redis does and says what a test wants: Sentinels that lie, nodes that redirect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import EllipsisType
from typing import Self, TypeAlias

Spoken: TypeAlias = "bytes | int | list[Spoken] | Exception | None"
# `...` is silence.
Said: TypeAlias = "Spoken | EllipsisType"
Answer: TypeAlias = Callable[[list[bytes]], Said]


class FakeRedis:
    """Answers each command with what `answer` returns, an exception as an error reply. `asked` is all it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[bytes]] = []
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while header := await reader.readline():
                count = int(header[1:])
                command = []
                for _ in range(count):
                    length = int((await reader.readline())[1:])
                    command.append((await reader.readexactly(length + 2))[:-2])
                self.asked.append(command)
                said = self.answer(command)
                if not isinstance(said, EllipsisType):
                    writer.write(encoded(said))
                    await writer.drain()
        except ConnectionError:
            pass  # the client went away in the middle, as clients do
        finally:
            writer.close()


def encoded(said: Spoken) -> bytes:
    """Return a reply as RESP 2 writes it."""
    match said:
        case Exception():
            return f"-{said}\r\n".encode()
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % said
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(said), said)
        case list():
            return b"*%d\r\n" % len(said) + b"".join(encoded(one) for one in said)
