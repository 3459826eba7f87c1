"""What the check server is shown of a body, and what the upstream gets."""

from __future__ import annotations

from typing import Literal

import pytest

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import raw_headers
from tests.e2e.envoy_config.stack import BODY_LIMIT, Document, Gate, Stack, ext_authz, manager

EVERY_BYTE = bytes(range(256))
Framing = Literal["content-length", "chunked"]


def cut_bodies_refused(document: Document) -> None:
    ext_authz(document)["with_request_body"]["allow_partial_message"] = False


def partial_mark(check: wire.CheckRequest) -> bytes | None:
    return dict(raw_headers(check)).get("x-envoy-auth-partial-body")


def post(port: int, body: bytes, framing: Framing) -> http1.Message:
    if framing == "content-length":
        return http1.send(port, method="POST", body=body)
    with http1.connected(port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.send(chunk(body) + chunk(b""))
        return connection.response()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_the_check_server_sees_the_bytes_of_the_body(stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, method="POST", body=EVERY_BYTE)
    assert stack.check.http.raw_body == EVERY_BYTE
    assert stack.check.http.body == ""
    assert stack.upstream.received[0].body == EVERY_BYTE


def test_control_a_body_sent_as_text_is_not_the_body(stack: Stack) -> None:
    with stack.gate(lambda document: ext_authz(document)["with_request_body"].pop("pack_as_bytes")) as gate:
        http1.send(gate.port, method="POST", body=EVERY_BYTE)
    assert stack.check.http.raw_body == b""
    assert stack.check.http.body.encode() != EVERY_BYTE


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("excess", [-1, 0, 1, 100_000])
def test_a_body_is_shown_up_to_the_limit_and_forwarded_whole(
    framing: Framing, excess: int, stack: Stack, gate: Gate
) -> None:
    body = (EVERY_BYTE * 500)[: BODY_LIMIT + excess]
    assert post(gate.port, body, framing).status == 200
    assert stack.upstream.received[0].body == body
    shown = stack.check.http.raw_body
    assert shown == body[:BODY_LIMIT]
    assert partial_mark(stack.check.checks[0]) == (b"true" if excess > 0 else b"false")


def test_control_without_partial_messages_envoy_refuses_what_the_policy_would_allow(stack: Stack) -> None:
    with stack.gate(cut_bodies_refused) as gate:
        assert post(gate.port, bytes(BODY_LIMIT), "chunked").status == 200
        stack.reset()
        assert post(gate.port, bytes(BODY_LIMIT + 1), "content-length").status == 413
    assert not stack.check.checks


def test_a_chunked_body_that_pauses_at_the_limit_is_marked_whole(stack: Stack, gate: Gate) -> None:
    body = (EVERY_BYTE * 100)[: BODY_LIMIT * 2]
    with http1.connected(gate.port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.send(chunk(body[:BODY_LIMIT]))
        assert stack.check.arrived.wait(5)
        connection.send(chunk(body[BODY_LIMIT:]) + chunk(b""))
        assert connection.response().status == 200
    # So the check server takes a body as long as the limit for a cut one, unless content-length says otherwise.
    assert stack.check.http.raw_body == body[:BODY_LIMIT]
    assert partial_mark(stack.check.checks[0]) == b"false"
    assert stack.upstream.received[0].body == body


def test_a_chunked_body_that_pauses_below_the_limit_is_waited_for(stack: Stack, gate: Gate) -> None:
    with http1.connected(gate.port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.send(chunk(b"a" * (BODY_LIMIT - 1)))
        http1.send(gate.port, "/between")  # a whole request later Envoy has certainly read the first chunk
        assert [check.attributes.request.http.path for check in stack.check.checks] == ["/between"]
        connection.send(chunk(b""))
        assert connection.response().status == 200
    assert len(stack.check.checks[1].attributes.request.http.raw_body) == BODY_LIMIT - 1


def test_with_a_limit_of_zero_no_body_is_shown_and_all_of_it_forwarded(stack: Stack) -> None:
    with stack.gate(body_limit=0) as gate:
        post(gate.port, EVERY_BYTE, "chunked")
    assert stack.check.http.raw_body == b""
    assert partial_mark(stack.check.checks[0]) is None
    assert stack.upstream.received[0].body == EVERY_BYTE


LARGE_LIMIT = 2 * 1024 * 1024


def envoys_own_buffer(document: Document) -> None:
    del document["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"]


def test_bodies_around_a_large_limit_are_asked_about_and_forwarded_whole(stack: Stack) -> None:
    with stack.gate(body_limit=LARGE_LIMIT) as gate:
        for size in (LARGE_LIMIT // 2 + 1, LARGE_LIMIT - 1, LARGE_LIMIT, LARGE_LIMIT + 1, LARGE_LIMIT * 3):
            body = EVERY_BYTE * (size // 256) + EVERY_BYTE[: size % 256]
            for status in (post(gate.port, body, "chunked").status, http2.send(gate.port, body=body).status):
                assert status == 200
            for check, forwarded in zip(stack.check.checks, stack.upstream.received, strict=True):
                assert check.attributes.request.http.raw_body == body[:LARGE_LIMIT]
                assert forwarded.body == body
            stack.reset()


def small_http2_window(document: Document) -> None:
    manager(document)["http2_protocol_options"]["initial_stream_window_size"] = 65_536


def test_control_with_a_small_http2_window_a_visible_body_is_refused_unasked(stack: Stack) -> None:
    with stack.gate(small_http2_window, body_limit=100_000) as gate:
        assert http2.send(gate.port, body=bytes(70_000)).status == 413
    assert not stack.check.checks


def test_control_with_envoys_own_buffer_limit_a_visible_body_is_refused_unasked(stack: Stack) -> None:
    with stack.gate(envoys_own_buffer, body_limit=LARGE_LIMIT) as gate:
        assert post(gate.port, bytes(LARGE_LIMIT - 1), "content-length").status == 413
    assert not stack.check.checks
