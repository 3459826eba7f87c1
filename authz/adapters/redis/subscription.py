"""A connection that listens to a channel (Redis pub/sub, RESP 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from authz.adapters.redis.node import Wire

SILENT_PINGS: Final = 2
"""Pings that may go unanswered."""

_MESSAGE: Final = 3


@asynccontextmanager
async def pinged(wire: Wire, every_s: float) -> AsyncIterator[None]:
    """Ask the server for a sign of life now and then: a peer that vanished would be listened to for ever."""
    pinging = asyncio.create_task(_ping(wire, every_s), name="redis-ping")
    try:
        yield
    finally:
        pinging.cancel()
        await asyncio.gather(pinging, return_exceptions=True)


async def messages(wire: Wire, silence_s: float) -> AsyncIterator[bytes]:
    """Give what is published. Raises TimeoutError after `silence_s` without a sign, and what redis-py raises."""
    while True:
        async with asyncio.timeout(silence_s):
            said = await wire.receive()
        # [message, channel, payload]; the answer to a ping is [pong, ""].
        if isinstance(said, list) and len(said) == _MESSAGE and said[0] == b"message":
            payload = said[2]
            if isinstance(payload, bytes):
                yield payload


async def _ping(wire: Wire, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await wire.send(("PING",))
