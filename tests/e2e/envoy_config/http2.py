"""HTTP/2 without TLS: a client, and a server that keeps what it received."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import h2.config
import h2.connection
import h2.events

_TIMEOUT: Final = 5.0
_READ: Final = 65_536
_GRPC: Final = b"application/grpc"
_NO_MESSAGE: Final = bytes(5)  # uncompressed, of length 0

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Stream:
    """What arrived on one stream. `reset` is the error code of a stream that the other side ended."""

    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    reset: int | None = None
    ended: bool = False

    @property
    def complete(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def status(self) -> int:
        return int(dict(self.headers)[b":status"])


class _Link:
    """One connection: what arrived on each of its streams so far."""

    def __init__(self, link: socket.socket, *, client: bool) -> None:
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=client, header_encoding=None, validate_outbound_headers=False
            )
        )
        self.h2.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self._socket = link

    def flush(self) -> None:
        self._socket.sendall(self.h2.data_to_send())

    def receive(self) -> None:
        """Wait for the next bytes and take them in."""
        self.flush()
        data = self._socket.recv(_READ)
        if not data:
            raise ConnectionError("closed by the other side")
        for event in self.h2.receive_data(data):
            stream_id = getattr(event, "stream_id", None)
            if stream_id:
                self._take(event, self.streams.setdefault(stream_id, Stream()))
        self.flush()

    def _take(self, event: h2.events.Event, stream: Stream) -> None:
        match event:
            case h2.events.RequestReceived() | h2.events.ResponseReceived():
                stream.headers = [(bytes(name), bytes(value)) for name, value in event.headers]
            case h2.events.TrailersReceived():
                stream.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
            case h2.events.DataReceived():
                stream.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamReset():
                stream.reset = int(event.error_code)
            case h2.events.StreamEnded():
                stream.ended = True
            case _:
                pass


def send(
    port: int,
    target: str = "/",
    headers: Headers | None = None,
    *,
    body: bytes = b"",
    trailers: Headers | None = None,
) -> Stream:
    """Send one POST and return the answer, or the reset that came instead."""
    pseudo = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"gate.test"),
        (b":path", target.encode()),
    ]
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT) as opened:
        link = _Link(opened, client=True)
        answer = link.streams[1] = Stream()
        link.h2.send_headers(1, pseudo + (headers or []))
        _send_body(link, body)
        if not answer.complete and trailers is not None:
            link.h2.send_headers(1, trailers, end_stream=True)
        elif not answer.complete:
            link.h2.end_stream(1)
        while not answer.complete:
            link.receive()
        return answer


def _send_body(link: _Link, body: bytes) -> None:
    """Send as much at a time as the other side's windows allow, until it has answered."""
    offset = 0
    while offset < len(body) and not link.streams[1].complete:
        size = min(link.h2.local_flow_control_window(1), link.h2.max_outbound_frame_size, len(body) - offset)
        if size:
            link.h2.send_data(1, body[offset : offset + size])
            offset += size
            link.flush()
        else:
            link.receive()


@dataclass(slots=True)
class Recorder:
    """A server on 127.0.0.1 that keeps every request and answers 200, a call by gRPC with one empty message."""

    port: int
    received: list[Stream] = field(default_factory=list)


def _answer(connection: h2.connection.H2Connection, stream_id: int, asked: bytes | None) -> None:
    if asked != _GRPC:
        connection.send_headers(stream_id, [(b":status", b"200")], end_stream=True)
        return
    connection.send_headers(stream_id, [(b":status", b"200"), (b"content-type", _GRPC)])
    connection.send_data(stream_id, _NO_MESSAGE)
    connection.send_headers(stream_id, [(b"grpc-status", b"0")], end_stream=True)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Run a Recorder until the block ends."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(_TIMEOUT)
            link = _Link(self.request, client=False)
            with suppress(TimeoutError, ConnectionError):  # Envoy keeps the connection until it ends
                while True:
                    link.receive()
                    for stream_id in [each for each, stream in link.streams.items() if stream.complete]:
                        recorder.received.append(link.streams.pop(stream_id))
                        _answer(link.h2, stream_id, dict(recorder.received[-1].headers).get(b"content-type"))
                    link.flush()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder = Recorder(int(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
