"""HTTP/1.1 byte for byte: a client that sends what it is told, and a server that keeps what it received."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Final

_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """One request or response. Header names are lowercase, values raw, in the order received."""

    start_line: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    trailers: tuple[tuple[str, bytes], ...] = ()

    @property
    def target(self) -> str:
        return self.start_line.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.start_line.split(" ")[1])

    def values(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def names(self) -> set[str]:
        return {name for name, _ in self.headers}


def read_message(stream: BufferedIOBase) -> Message | None:
    """Read one message, None at the end of the stream."""
    start = stream.readline()
    if not start:
        return None
    headers = _read_headers(stream)
    lengths = dict(headers)
    if lengths.get("transfer-encoding", b"").lower() == b"chunked":
        body = b"".join(_chunks(stream))
        trailers = _read_headers(stream)
    else:
        body, trailers = stream.read(int(lengths.get("content-length", b"0"))), ()
    return Message(start.decode("latin-1").strip(), headers, body, trailers)


class Connection:
    """A client connection on which a test decides when which bytes are sent."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT)
        self._stream = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def response(self) -> Message:
        message = read_message(self._stream)
        if message is None:
            raise ConnectionError("closed without a response")
        return message

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextmanager
def connected(port: int) -> Iterator[Connection]:
    connection = Connection(port)
    try:
        yield connection
    finally:
        connection.close()


def request_bytes(method: str, target: str, headers: list[tuple[str, bytes]], body: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1".encode(), b"host: gate.test"]
    lines += [name.encode() + b": " + value for name, value in headers]
    if body is not None:
        lines.append(f"content-length: {len(body)}".encode())
    return b"\r\n".join([*lines, b"", body or b""])


def send(
    port: int,
    target: str = "/",
    *headers: tuple[str, bytes],
    method: str = "GET",
    body: bytes | None = None,
) -> Message:
    """Send one request on a connection of its own."""
    with connected(port) as connection:
        connection.send(request_bytes(method, target, list(headers), body))
        return connection.response()


@dataclass(slots=True)
class Recorder:
    """A server on 127.0.0.1 that keeps every request and gives the same `answer` to all."""

    port: int
    answer: bytes = b""
    received: list[Message] = field(default_factory=list)

    def reset(self) -> None:
        self.received.clear()
        self.answer_with(200)

    def answer_with(self, status: int) -> None:
        self.answer = f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n".encode()


@contextmanager
def recording() -> Iterator[Recorder]:
    """Run a Recorder until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        timeout = _TIMEOUT

        def handle(self) -> None:
            while (request := _read_or_none(self.rfile)) is not None:
                recorder.received.append(request)
                self.wfile.write(recorder.answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder = Recorder(int(server.server_address[1]))
        recorder.reset()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


def _read_or_none(stream: BufferedIOBase) -> Message | None:
    try:
        return read_message(stream)
    except (TimeoutError, ConnectionError):
        return None  # Envoy dropped a kept-alive connection


def _read_headers(stream: BufferedIOBase) -> tuple[tuple[str, bytes], ...]:
    found = []
    while (line := stream.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        found.append((name.decode("latin-1").lower(), value.strip()))
    return tuple(found)


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while (size := int(stream.readline().split(b";")[0], 16)) > 0:
        yield stream.read(size)
        stream.readline()
