"""A caller that speaks HTTP/2 itself: it can be as silent, or ping as often, as no gRPC client would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events

from authz.entrypoints.check.server import SERVICE

_EMPTY = b"\0\0\0\0\0"
_SECONDS = 15
_HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "check.test"),
    (":path", f"/{SERVICE}/Check"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]


class RawPeer:
    """One connection. It answers nothing, pings included, unless it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self._send()

    def ask(self, checks: int) -> None:
        """Begin so many empty checks."""
        for _ in range(checks):
            stream = self._h2.get_next_available_stream_id()
            self._h2.send_headers(stream, _HEADERS)
            self._h2.send_data(stream, _EMPTY, end_stream=True)
        self._send()

    async def ping(self) -> bool:
        """Ping; say whether it was answered, and not with a GOAWAY or an end."""
        self._h2.ping(b"are you?")
        self._send()
        async with asyncio.timeout(_SECONDS):
            while True:
                kinds = {type(event) for event in await self._events()}
                if h2.events.ConnectionTerminated in kinds:
                    return False
                if h2.events.PingAckReceived in kinds:
                    return True

    async def ended(self) -> None:
        """Wait, deaf to everything, until the server closes the connection."""
        async with asyncio.timeout(_SECONDS):
            while await self._reader.read(65_536):
                pass

    async def _events(self) -> list[h2.events.Event]:
        data = await self._reader.read(65_536)
        if not data:
            return [h2.events.ConnectionTerminated()]
        events = self._h2.receive_data(data)
        self._send()
        return events

    def _send(self) -> None:
        self._writer.write(self._h2.data_to_send())


@asynccontextmanager
async def raw_peer(address: str) -> AsyncIterator[RawPeer]:
    """Connect to HOST:PORT."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RawPeer(reader, writer)
    finally:
        writer.close()
