"""How little tells a body that Envoy didn't show from a request that has none."""

from __future__ import annotations

import pytest

from tests.e2e.contract import http2_upgrade
from tests.e2e.contract.bare import per_route
from tests.e2e.contract.conftest import PATIENCE
from tests.e2e.contract.raw import exchange
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import raw_headers
from tests.e2e.envoy_config.stack import Document, Gate, Stack, ext_authz, manager

CHUNKED = b"3\r\nabc\r\n0\r\n\r\n"
MARK = "x-envoy-auth-partial-body"
# What differs between any two requests of the same kind.
OWN = {"x-request-id", ":method", "transfer-encoding"}
WEBSOCKET = (
    ("connection", b"upgrade"),
    ("upgrade", b"websocket"),
    ("sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
)


def upgrades(document: Document) -> None:
    manager(document)["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    manager(document)["http2_protocol_options"] = {"allow_connect": True}


def no_buffering(document: Document) -> None:
    del ext_authz(document)["with_request_body"]


def not_on_this_route(document: Document) -> None:
    per_route(document, disable_request_body_buffering=True)


def other_limit_on_this_route(document: Document) -> None:
    own = {"max_request_bytes": 2, "allow_partial_message": True, "pack_as_bytes": True}
    per_route(document, with_request_body=own)


def raw(method: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join(
        [method + b" /a HTTP/1.1", b"host: gate.test", b"connection: close", *lines, b"", body]
    )


def marks(stack: Stack) -> list[bytes | None]:
    return [dict(raw_headers(check)).get(MARK) for check in stack.check.checks]


@pytest.mark.parametrize("off", [no_buffering, not_on_this_route], ids=["everywhere", "on a route"])
def test_without_buffering_a_chunked_body_looks_like_none(off: object, stack: Stack) -> None:
    """So a route without buffering has to say so to Holdgate, in context_extensions."""
    with stack.gate(off, check_timeout=PATIENCE) as gate:  # type: ignore[arg-type] # one of the functions above
        exchange(gate.port, raw(b"POST", b"transfer-encoding: chunked", body=CHUNKED))
        exchange(gate.port, raw(b"DELETE"))
    posted, deleted = ({k: v for k, v in raw_headers(c) if k not in OWN} for c in stack.check.checks)
    assert posted == deleted
    assert [check.attributes.request.http.raw_body for check in stack.check.checks] == [b"", b""]
    assert marks(stack) == [None, None]
    assert [request.body for request in stack.upstream.received] == [b"abc", b""]


def test_a_route_can_show_less_of_a_body_than_the_filter(stack: Stack) -> None:
    with stack.gate(other_limit_on_this_route, check_timeout=PATIENCE) as gate:
        http1.send(gate.port, method="POST", body=b"abc")
    assert stack.check.http.raw_body == b"ab"
    assert marks(stack) == [b"true"]
    assert stack.upstream.received[0].body == b"abc"


def test_with_buffering_only_a_request_that_ends_with_its_headers_is_unmarked(
    stack: Stack, shipped: Gate
) -> None:
    http1.send(shipped.port, method="POST", body=b"")
    http1.send(shipped.port, method="DELETE")
    exchange(shipped.port, raw(b"POST", b"transfer-encoding: chunked", body=b"0\r\n\r\n"))
    http2.send(shipped.port)
    http1.send(shipped.port, method="POST", body=b"abc")
    assert marks(stack) == [None, None, b"false", b"false", b"false"]


def test_a_websocket_upgrade_shows_no_body(stack: Stack) -> None:
    stack.upstream.answer = b"HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    with stack.gate(upgrades, check_timeout=PATIENCE) as gate, http1.connected(gate.port) as connection:
        connection.send(http1.request_bytes("GET", "/", list(WEBSOCKET), None) + b"frame")
        assert connection.response().status == 101
    assert stack.check.http.raw_body == b""
    assert marks(stack) == [None]


def test_an_http2_upgrade_shows_no_body(stack: Stack) -> None:
    stack.upstream.answer = b"HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    with stack.gate(upgrades, check_timeout=PATIENCE) as gate:
        assert http2_upgrade.websocket(gate.port, b"frame") == 200
    assert stack.check.http.raw_body == b""
    assert marks(stack) == [None]


def test_as_shipped_an_http2_upgrade_is_refused(stack: Stack, shipped: Gate) -> None:
    assert http2_upgrade.websocket(shipped.port, b"frame") != 200
    assert not stack.upstream.received
