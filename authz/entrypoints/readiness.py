"""Asks a process of ours whether it is ready, over its operations listener."""

from __future__ import annotations

import asyncio
from typing import Final

_UNIX: Final = "unix:"
_SECONDS: Final = 2.0
_REQUEST: Final = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
_YES: Final = b"HTTP/1.1 200 "


async def is_ready(address: str) -> bool:
    """Say whether `/readyz` at HOST:PORT or unix:/path answers yes, within two seconds."""
    try:
        async with asyncio.timeout(_SECONDS):
            if address.startswith(_UNIX):
                reader, writer = await asyncio.open_unix_connection(address.removeprefix(_UNIX))
            else:
                host, _, port = address.rpartition(":")
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(_REQUEST)
                return await reader.readexactly(len(_YES)) == _YES
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
