"""One request as bytes, and all bytes that come back."""

from __future__ import annotations

import socket

_TIMEOUT = 10.0


def exchange(port: int, request: bytes) -> bytes:
    """Send a request that says `connection: close`, and return what came until the end."""
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
