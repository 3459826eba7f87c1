"""A receiver on a loopback port, inside the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import uvicorn
from starlette.applications import Starlette

from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver

SIGNATURE = "s3cr3t-signature"


class Receiver(Protocol):
    """What takes posts, at one path."""

    def app(self) -> Starlette:
        """Return the ASGI application."""
        ...

    def path(self) -> str:
        """Return the path and query to post to."""
        ...


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[str]:
    """Serve, and give the whole address to post to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        config = uvicorn.Config(receiver.app(), lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{port}{receiver.path()}"
        finally:
            server.should_exit = server.force_exit = True
            await task


async def until(receiver: WorkflowsReceiver, reached: Callable[[], bool]) -> None:
    """Wait until something is so, looked at whenever a request arrives; pytest's timeout bounds it."""
    async with receiver.arrived:
        await receiver.arrived.wait_for(reached)
