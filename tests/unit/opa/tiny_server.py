"""An HTTP server that answers as a test says: what a broken, slow or lying OPA would send."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Seen:
    """What arrived: each request's head and body; how many connections were made and how many are open now."""

    url: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_at_once: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _under_way: int = 0

    async def until(self, condition: Callable[[Seen], bool]) -> None:
        """Wait until the server has seen what a test waits for; pytest's timeout bounds it."""
        async with self.changed:
            await self.changed.wait_for(lambda: condition(self))

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def began(self) -> None:
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)

    def ended(self) -> None:
        self._under_way -= 1


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def json_answer(body: bytes, status: str = "200 OK", *more: str) -> Answer:
    """Answer with a body, and leave the connection open."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *more, "", ""])

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def raw_answer(data: bytes) -> Answer:
    """Send bytes and close."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return answer


def after(event: asyncio.Event, then: Answer) -> Answer:
    """Answer once a test lets it."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await event.wait()
        await then(writer)

    return answer


@asynccontextmanager
async def tiny_server(answer: Answer, socket: Path | None = None) -> AsyncIterator[Seen]:
    """Serve on a free port of loopback, or on a unix socket."""
    seen = Seen("")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        seen.open += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"(?im)^content-length: *(\d+)", head)
                seen.requests.append((head, await reader.readexactly(int(length[1]) if length else 0)))
                seen.began()
                await seen.tell()
                answering = asyncio.ensure_future(answer(writer))
                gone = asyncio.ensure_future(reader.read(1))
                try:
                    await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if gone.done() and not gone.result():
                        return
                finally:
                    seen.ended()
                    for task in (answering, gone):
                        task.cancel()
                    await asyncio.gather(answering, gone, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            seen.open -= 1
            writer.close()
            await seen.tell()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if socket is not None:
        server = await asyncio.start_unix_server(accept, socket)
        seen.url = f"unix://{socket}"
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
