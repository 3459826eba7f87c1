"""A WebSocket over HTTP/2: RFC 8441's extended CONNECT."""

from __future__ import annotations

import socket

import h2.config
import h2.connection
import h2.events

_TIMEOUT = 10.0


def websocket(port: int, data: bytes) -> int | None:
    """Ask for a WebSocket, send data at once, and return the status, or None when the stream is reset instead."""
    config = h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
    link = h2.connection.H2Connection(config)
    link.initiate_connection()
    asked = [
        *((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http")),
        *((":path", "/"), (":authority", "gate.test"), ("sec-websocket-version", "13")),
    ]
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT) as connection:
        link.send_headers(1, asked)
        link.send_data(1, data)
        while True:
            connection.sendall(link.data_to_send())
            received = connection.recv(65_536)
            if not received:
                return None
            for event in link.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    return int(dict(event.headers)[b":status"])
                if isinstance(event, h2.events.StreamReset):
                    return None
