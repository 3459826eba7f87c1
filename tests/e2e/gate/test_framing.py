"""A policy's slip can't make two requests of one, nor two responses."""

from __future__ import annotations

import pytest

from tests.e2e.envoy_config.http1 import Message, connected
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import Gate, problem
from tests.support.gate_backing import fresh

SMUGGLED = b"DELETE /smuggled HTTP/1.1\r\nhost: inner\r\ncontent-length: 0\r\n\r\n"
SHORTER = {"allowed": True, "headers": {"Content-Length": "3"}}
SPLIT = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def say(gate: Gate, path: str, document: object) -> None:
    gate.backing.opa.say(path.rpartition("/")[2], document)


def post(gate: Gate, path: str, *headers: tuple[str, bytes]) -> Message:
    return gate.send(path, *headers, method="POST", body=b"abc" + SMUGGLED)


@pytest.mark.parametrize("kind", ["open", "hold"])
def test_a_policy_that_shortens_a_request_is_an_error(kind: str, gate: Gate) -> None:
    path = fresh(kind)
    ticket: tuple[tuple[str, bytes], ...] = ()
    if kind == "hold":
        ticket = (gate.approved(path, method="POST", body=b"abc" + SMUGGLED).ticket,)
    say(gate, path, SHORTER)
    response = post(gate, path, *ticket)
    assert (response.status, problem(response)) == (503, "unavailable")
    assert not gate.backing.upstream.received


def test_control_a_shortened_request_is_two_requests_of_which_one_was_judged(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("open")
    say(gate, path, SHORTER)
    with unguarded.guards.without("framing"):
        post(gate, path)
    assert [message.target for message in gate.backing.upstream.received] == [path, "/smuggled"]
    assert len(gate.backing.opa.inputs) == 1


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_denial_without_content_is_an_error_when_it_has_a_body(status: int, gate: Gate) -> None:
    path = fresh("closed")
    say(gate, path, {"allowed": False, "http_status": status, "body": SPLIT})
    response = gate.send(path)
    assert (response.status, problem(response)) == (503, "unavailable")
    say(gate, path, {"allowed": False, "http_status": status})
    assert gate.send(path).status == status


def test_control_a_body_beside_a_204_is_read_as_the_next_response(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("closed")
    say(gate, path, {"allowed": False, "http_status": 204, "body": SPLIT})
    with unguarded.guards.without("framing"), connected(gate.port) as connection:
        connection.send(gate.request(path))
        head = connection.response()
    # A client that knows what a 204 is stops after its headers, and finds the rest in the way.
    assert head.status == 204
    assert head.body == SPLIT.encode()
