"""Connections to OPA that are kept for the next question, a bounded number of them."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from authz.adapters.opa.connection import Broken, Connection, HttpAnswer

_PORTS = {"http": 80, "https": 443}


class Pool:
    """Asks over kept connections. The last one used is taken first, so that spare ones stay idle."""

    def __init__(self, url: str, *, connections: int, max_answer_bytes: int) -> None:
        """`url` is http://, https:// or unix:///path/to/socket. Construct it inside the event loop."""
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme == "unix" else ""
        self._host, self._port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._max_answer_bytes = max_answer_bytes
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False

    async def ask(self, question: bytes) -> HttpAnswer:
        """Send a whole HTTP request and return its answer. Waits for a connection where all are in use.

        A kept connection may have been closed by OPA while the question was on its way to it; then the question,
        which changes nothing there, is asked once more on a new one. A cancelled question closes its connection.

        Raises Broken, TooLong and OSError.
        """
        async with self._slots:
            kept = self._kept()
            if kept is not None:
                try:
                    return await self._asked(kept, question)
                except Broken as error:
                    if not error.untouched:
                        raise
            return await self._asked(await self._connect(), question)

    def close(self) -> None:
        """Close every connection; questions under way end as Broken."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _asked(self, connection: Connection, question: bytes) -> HttpAnswer:
        self._busy.add(connection)
        try:
            answer = await connection.ask(question)
        except BaseException:
            connection.abort()
            raise
        finally:
            self._busy.discard(connection)
        if answer.reusable and not self._closed:
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()

        def made() -> Connection:
            return Connection(self._max_answer_bytes)

        if self._socket:
            _, connection = await loop.create_unix_connection(made, self._socket)
        else:
            _, connection = await loop.create_connection(made, self._host, self._port, ssl=self._tls)
        if self._closed:
            connection.abort()
            raise Broken("the pool is closed")
        return connection
