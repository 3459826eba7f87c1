"""A console served by uvicorn on a free port of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from authz.entrypoints.console.server import CONNECTIONS_MAX, ConsoleServer

START_SECONDS = 10.0


def loopback_socket() -> socket.socket:
    """Return a socket bound to a port that the kernel picked."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def address_of(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


@asynccontextmanager
async def served(
    app: ASGIApp, bound: socket.socket, *, connections: int = CONNECTIONS_MAX
) -> AsyncIterator[ConsoleServer]:
    """Serve until the block ends; leaving waits until the server has stopped."""
    server = ConsoleServer(app, connections=connections)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        await running


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        while not condition():  # noqa: ASYNC110 - uvicorn tells by a flag alone
            await asyncio.sleep(0.01)
