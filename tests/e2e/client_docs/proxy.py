"""A proxy between a client and the gate that a test lets misbehave."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.envoy_config.http1 import Message, read_message

_SECONDS: Final = 120.0


@dataclass(slots=True)
class Proxy:
    """Listens on 127.0.0.1. `strips` names headers that it takes off requests, `hides` those that it takes off answers.

    `losing` is how many of the next answers it loses, closing the connection instead.
    """

    port: int
    strips: set[str] = field(default_factory=set)
    hides: set[str] = field(default_factory=set)
    losing: int = 0
    requests: list[Message] = field(default_factory=list)


@contextmanager
def proxy_before(port: int) -> Iterator[Proxy]:
    """Pass requests on to a port of this machine until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        timeout = _SECONDS

        def handle(self) -> None:
            with (
                suppress(ConnectionError, TimeoutError),
                socket.create_connection(("127.0.0.1", port)) as gate,
            ):
                gate.settimeout(_SECONDS)
                with gate.makefile("rb") as answers:
                    while (request := read_message(self.rfile)) is not None:
                        proxy.requests.append(request)
                        gate.sendall(_written(request, proxy.strips))
                        answer = read_message(answers)
                        if answer is None:
                            return
                        if proxy.losing:
                            proxy.losing -= 1
                            return
                        self.wfile.write(_written(answer, proxy.hides))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(int(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _written(message: Message, without: set[str]) -> bytes:
    kept = [(name, value) for name, value in message.headers if name not in without]
    lines = [message.start_line.encode("latin-1"), *(name.encode() + b": " + value for name, value in kept)]
    return b"\r\n".join([*lines, b"", message.body])
