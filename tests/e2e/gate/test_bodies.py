"""A body that Envoy didn't show whole is neither held nor redeemed; what is plainly allowed needs none shown."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.e2e.envoy_config.http1 import Connection, Message, connected
from tests.e2e.envoy_config.stack import ext_authz, manager
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import TICKET, Document, Gate, envoy_before, problem
from tests.support.gate_backing import BODY_LIMIT, fresh
from tests.support.waiting import until

UPGRADE = (
    ("connection", b"upgrade"),
    ("upgrade", b"websocket"),
    ("sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
)


def assert_not_visible(response: Message) -> None:
    assert response.status == 413
    assert problem(response) == "body-not-visible"
    assert json.loads(response.body)["reason"]


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def start_chunked(gate: Gate, connection: Connection, path: str, *headers: tuple[str, bytes]) -> None:
    connection.send(gate.request(path, *headers, ("transfer-encoding", b"chunked"), method="POST"))


def chunked(gate: Gate, path: str, body: bytes, *headers: tuple[str, bytes]) -> Message:
    with connected(gate.port) as connection:
        start_chunked(gate, connection, path, *headers)
        connection.send((chunk(body) if body else b"") + b"0\r\n\r\n")
        return connection.response()


@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT - 1, BODY_LIMIT])
def test_a_body_up_to_the_limit_is_held_and_redeemed(size: int, gate: Gate) -> None:
    path, body = fresh("hold"), bytes(range(256)) * (size // 256) + b"a" * (size % 256)
    held = gate.approved(path, method="POST", body=body)
    assert gate.send(path, held.ticket, method="POST", body=body).status == 200
    assert [message.body for message in gate.received(path)] == [body]


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 100_000])
def test_a_longer_body_is_neither_held_nor_redeemed(size: int, gate: Gate) -> None:
    path, body = fresh("hold"), b"a" * size
    assert_not_visible(gate.send(path, method="POST", body=body))
    held = gate.approved(path, method="POST", body=body[:BODY_LIMIT])
    assert_not_visible(gate.send(path, held.ticket, method="POST", body=body))
    assert gate.hits(path) == 0
    assert gate.record(held.id)[b"uses_left"] == b"1"


@pytest.mark.parametrize(
    ("size", "status"), [(0, 202), (BODY_LIMIT - 1, 202), (BODY_LIMIT, 413), (BODY_LIMIT + 1, 413)]
)
def test_without_a_length_the_body_must_be_shorter_than_the_limit(size: int, status: int, gate: Gate) -> None:
    assert chunked(gate, fresh("hold"), b"a" * size).status == status


def test_the_same_bytes_are_the_same_body_with_and_without_a_length(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path, method="POST", body=b"the body")
    assert chunked(gate, path, b"the body", held.ticket).status == 200


@pytest.mark.parametrize("step", ["hold", "redemption"])
def test_a_chunked_body_that_pauses_exactly_at_the_limit_is_taken_for_cut(step: str, gate: Gate) -> None:
    path, shown = fresh("hold"), b"a" * BODY_LIMIT
    ticket = []
    if step == "redemption":
        ticket = [gate.approved(path, method="POST", body=shown).ticket]
    with connected(gate.port) as connection:
        start_chunked(gate, connection, path, *ticket)
        connection.send(chunk(shown))
        # Nothing more is sent: the answer has to come of what was shown so far.
        assert_not_visible(connection.response())
    assert gate.hits(path) == 0


def test_control_a_pause_at_the_limit_would_smuggle_the_rest_past_the_approval(unguarded: Unguarded) -> None:
    gate, path, shown = unguarded.gate, fresh("hold"), b"a" * BODY_LIMIT
    held = gate.approved(path, method="POST", body=shown)
    with unguarded.guards.without("whole-body"), connected(gate.port) as connection:
        start_chunked(gate, connection, path, held.ticket)
        connection.send(chunk(shown))
        gate.send(fresh("open"))
        until("the use is taken", lambda: gate.record(held.id)[b"uses_left"] == b"0")
        connection.send(chunk(b"and more that nobody saw") + b"0\r\n\r\n")
        assert connection.response().status == 200
    assert gate.received(path)[0].body.endswith(b"nobody saw")


@pytest.mark.parametrize("size", [BODY_LIMIT, BODY_LIMIT + 1, 3_000_000])
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_what_is_plainly_allowed_passes_with_a_body_of_any_size(size: int, framing: str, gate: Gate) -> None:
    path, body = fresh("open"), b"a" * size
    if framing == "chunked":
        assert chunked(gate, path, body).status == 200
    else:
        assert gate.send(path, method="POST", body=body).status == 200
    assert len(gate.received(path)[0].body) == size


def test_a_large_json_body_that_is_plainly_allowed_passes_though_the_policy_sees_none_of_it(
    gate: Gate,
) -> None:
    path, body = fresh("open"), json.dumps({"a": "b" * BODY_LIMIT}).encode()
    json_type = ("content-type", b"application/json")
    assert gate.send(path, json_type, method="POST", body=body).status == 200
    (document,) = gate.backing.opa.inputs
    assert document["truncated_body"] is True
    assert document["parsed_body"] is None


@pytest.mark.parametrize("length", [b"3", b"5", b"+4", b"4, 4", b"0x4", b"-1", b"9" * 24])
def test_a_length_that_is_not_the_bodys_reaches_nobody_as_such(length: bytes, gate: Gate) -> None:
    path = fresh("hold")
    headers = (("content-length", length), ("connection", b"close"))
    request = gate.request(path, *headers, method="POST") + b"body"
    with socket.create_connection(("127.0.0.1", gate.port), 10) as connection:
        connection.sendall(request)
        if length == b"5":
            connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    # Envoy takes the shorter body, gives up on the longer one with the connection, and refuses the rest.
    if length == b"3":
        assert answer.startswith(b"HTTP/1.1 202 ")
        assert [gate.backing.opa.inputs[0]["attributes"]["request"]["http"]["rawBody"]] == [
            b64encode(b"bod").decode()
        ]
    else:
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert not gate.backing.opa.inputs
    assert gate.hits(path) == 0


def upgrades(document: Document) -> None:
    manager(document)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


def no_buffering(document: Document) -> None:
    del ext_authz(document)["with_request_body"]


@pytest.fixture(scope="module")
def upgrading(shared_gate: Gate) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, upgrades) as gate:
        yield gate


def test_an_upgrade_is_neither_held_nor_redeemed(gate: Gate, upgrading: Gate) -> None:
    path = fresh("hold")
    assert_not_visible(upgrading.send(path, *UPGRADE, method="GET"))
    held = upgrading.approved(path, method="GET")
    assert_not_visible(upgrading.send(path, *UPGRADE, held.ticket, method="GET"))
    assert gate.hits(path) == 0
    assert gate.record(held.id)[b"uses_left"] == b"1"


def test_an_upgrade_that_is_plainly_allowed_passes(gate: Gate, upgrading: Gate) -> None:
    path = fresh("open")
    gate.backing.upstream.answer = b"HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert upgrading.send(path, *UPGRADE, method="GET").status == 101


def test_control_with_whatever_body_an_upgrade_is_held(unguarded: Unguarded) -> None:
    environ = unguarded.gate.environ
    with (
        envoy_before(unguarded.gate.backing, environ, unguarded.servers, upgrades) as gate,
        unguarded.guards.without("whole-body"),
    ):
        assert gate.send(fresh("hold"), *UPGRADE, method="GET").values(TICKET)


def test_where_a_route_says_that_nothing_is_buffered_nothing_is_held(gate: Gate) -> None:
    def route_says_so(document: Document) -> None:
        no_buffering(document)
        (filters,) = (
            each
            for each in manager(document)["route_config"]["virtual_hosts"][0]["routes"]
            if each["name"] == "gated"
        )
        filters["typed_per_filter_config"] = {
            "envoy.filters.http.ext_authz": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
                "check_settings": {"context_extensions": {"holdgate_body_limit": "0"}},
            }
        }

    path, servers = fresh("hold"), gate.servers
    with envoy_before(gate.backing, gate.environ, servers, route_says_so) as unbuffered:
        for answer in (chunked(unbuffered, path, b"abc"), unbuffered.send(path)):
            assert_not_visible(answer)
        assert unbuffered.send(fresh("open"), method="POST", body=b"abc").status == 200
