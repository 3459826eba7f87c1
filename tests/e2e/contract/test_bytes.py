"""Bytes that end a line, or no text at all, in what becomes a header."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.e2e.contract.answers import allowing, denying, header
from tests.e2e.contract.raw import exchange
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import Answer, raw_headers
from tests.e2e.envoy_config.stack import Gate, Stack

Place = Literal["a header of the request", "a header of the response", "a header of a refusal"]
PLACES: list[Place] = ["a header of the request", "a header of the response", "a header of a refusal"]
BREAKING = ["a\rb", "a\nb", "a\r\nx-split: 1", "a\x00b"]


def answer_with(value: str | bytes, place: Place) -> Answer:
    option = header("x-said", value)
    match place:
        case "a header of the request":
            return allowing(option)
        case "a header of the response":
            return allowing(option, where="response_headers_to_add")
        case "a header of a refusal":
            return denying(option)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", BREAKING, ids=repr)
def test_a_header_that_would_break_a_message_is_a_500(
    value: str, place: Place, stack: Stack, shipped: Gate
) -> None:
    """Of `validate_mutations`, as the configuration is shipped."""
    stack.check.answer = answer_with(value, place)
    response = http1.send(shipped.port)
    assert (response.status, response.body) == (500, b"")
    assert not {"x-said", "x-split"} & response.names()
    assert not stack.upstream.received


@pytest.mark.parametrize("value", BREAKING, ids=repr)
def test_control_unvalidated_it_reaches_the_client(value: str, stack: Stack, bare: Gate) -> None:
    stack.check.answer = answer_with(value, "a header of a refusal")
    request = b"GET / HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n"
    assert b"x-said: " + value.encode() in exchange(bare.port, request)


@pytest.mark.parametrize("value", BREAKING, ids=repr)
def test_unvalidated_it_is_a_503_instead_of_a_request(value: str, stack: Stack, bare: Gate) -> None:
    stack.check.answer = answer_with(value, "a header of the request")
    assert http1.send(bare.port).status == 503
    assert not stack.upstream.received


@pytest.mark.parametrize("place", PLACES)
def test_bytes_that_are_no_text_can_not_be_set(place: Place, stack: Stack, shipped: Gate) -> None:
    """A `raw_value` counts as none, so nothing but text comes from a check server."""
    stack.check.answer = answer_with(b"\xff\xfe", place)
    response = http1.send(shipped.port)
    seen = stack.upstream.received[0] if place == "a header of the request" else response
    assert seen.values("x-said") == [b""]


@pytest.mark.parametrize("place", PLACES)
def test_text_outside_ascii_is_its_utf8_bytes(place: Place, stack: Stack, shipped: Gate) -> None:
    stack.check.answer = answer_with("größer", place)
    response = http1.send(shipped.port)
    seen = stack.upstream.received[0] if place == "a header of the request" else response
    assert seen.values("x-said") == ["größer".encode()]


@pytest.mark.parametrize("value", [b"a\x00b", b"a\x01b", b"a\x7fb"])
def test_a_client_sends_no_control_characters(value: bytes, stack: Stack, shipped: Gate) -> None:
    assert http1.send(shipped.port, "/", ("x-a", value)).status == 400
    with pytest.raises(ConnectionError):
        http2.send(shipped.port, "/", [(b"x-a", value)])
    assert not stack.check.checks


def test_a_lone_carriage_return_is_dropped_before_anybody_sees_it(stack: Stack, shipped: Gate) -> None:
    assert http1.send(shipped.port, "/", ("x-a", b"a\rx-b: c")).status == 200
    seen = dict(raw_headers(stack.check.checks[0]))["x-a"]
    assert [seen] == stack.upstream.received[0].values("x-a") == [b"ax-b: c"]
    with pytest.raises(ConnectionError):
        http2.send(shipped.port, "/", [(b"x-a", b"a\rb")])


@pytest.mark.parametrize("line", [b"GET /a\x00b HTTP/1.1", b"GET /a\rb HTTP/1.1", b"GET /a b HTTP/1.1"])
def test_a_client_sends_no_such_target(line: bytes, stack: Stack, shipped: Gate) -> None:
    with http1.connected(shipped.port) as connection:
        connection.send(line + b"\r\nhost: gate.test\r\n\r\n")
        assert connection.response().status == 400
    assert not stack.check.checks
