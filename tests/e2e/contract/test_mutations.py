"""What Envoy makes of the headers that a check server sets, adds and removes."""

from __future__ import annotations

import pytest

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.contract.answers import Append, allowing, denying, header, with_query
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.stack import Gate, Stack

SPOOFED = (("x-user", b"boss"), ("x-user", b"root"), ("X-User", b"admin"))
SET = header("x-user", "alice")


def upstream_values(stack: Stack, name: str) -> list[bytes]:
    (request,) = stack.upstream.received
    return request.values(name)


@pytest.mark.parametrize(
    ("options", "forwarded"),
    [
        ([SET], [b"alice"]),
        ([header("x-user", "alice", "true")], [b"boss,alice", b"root", b"admin"]),
        ([SET, header("x-user", "bob")], [b"bob"]),
        ([SET, header("x-user", "bob", "true")], [b"alice,bob"]),
    ],
    ids=["set", "control: appended", "set twice", "set and appended"],
)
def test_only_setting_leaves_no_forged_copy(
    options: list[wire.HeaderValueOption], forwarded: list[bytes], stack: Stack, bare: Gate
) -> None:
    stack.check.answer = allowing(*options)
    assert http1.send(bare.port, "/", *SPOOFED).status == 200
    assert upstream_values(stack, "x-user") == forwarded


@pytest.mark.parametrize("append", ["unset", "false", "true"])
def test_appending_adds_no_header_that_is_absent(append: Append, stack: Stack, bare: Gate) -> None:
    stack.check.answer = allowing(header("x-user", "alice", append))
    http1.send(bare.port)
    assert upstream_values(stack, "x-user") == ([] if append == "true" else [b"alice"])


@pytest.mark.parametrize("action", ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS"])
def test_append_action_has_no_say_in_request_headers(action: str, stack: Stack, bare: Gate) -> None:
    """So Holdgate says `append: false` outright and never relies on it."""
    stack.check.answer = allowing(header("x-user", "alice", "false", action))
    http1.send(bare.port, "/", *SPOOFED)
    assert upstream_values(stack, "x-user") == [b"alice"]


def test_what_is_set_and_removed_is_gone(stack: Stack, bare: Gate) -> None:
    stack.check.answer = allowing(SET, header("x-kept", "1"), remove=["x-user"])
    http1.send(bare.port, "/", *SPOOFED)
    assert upstream_values(stack, "x-user") == []
    assert upstream_values(stack, "x-kept") == [b"1"]


@pytest.mark.parametrize("name", ["host", ":path", ":method", ":authority"])
def test_what_a_request_needs_is_not_removed(name: str, stack: Stack, bare: Gate) -> None:
    stack.check.answer = allowing(remove=[name, "x-other"])
    assert http1.send(bare.port, "/a?b", ("x-other", b"1"), method="PUT").status == 200
    (request,) = stack.upstream.received
    assert request.start_line == "PUT /a?b HTTP/1.1"
    assert request.values("host") == [b"gate.test"]
    assert request.values("x-other") == []


@pytest.mark.parametrize("append", ["unset", "false", "true"])
def test_a_refusal_loses_the_headers_that_ask_to_be_appended(
    append: Append, stack: Stack, bare: Gate
) -> None:
    stack.check.answer = denying(header("x-reason", "no", append))
    assert http1.send(bare.port).values("x-reason") == ([] if append == "true" else [b"no"])


def test_a_refusal_sets_several_cookies(stack: Stack, bare: Gate) -> None:
    stack.check.answer = denying(header("set-cookie", "a=1"), header("set-cookie", "b=2"))
    assert http1.send(bare.port).values("set-cookie") == [b"a=1", b"b=2"]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        (header("x-a", "ours", "unset"), [b"upstream", b"ours"]),
        (header("x-a", "ours", "true"), [b"upstream", b"ours"]),
        (header("x-a", "ours", "unset", "OVERWRITE_IF_EXISTS_OR_ADD"), [b"ours"]),
        (header("x-a", "ours", "unset", "ADD_IF_ABSENT"), [b"upstream"]),
    ],
    ids=["as by default", "append", "overwrite", "only if absent"],
)
def test_a_response_header_is_appended_unless_an_action_says_otherwise(
    option: wire.HeaderValueOption, values: list[bytes], stack: Stack, bare: Gate
) -> None:
    stack.upstream.answer = b"HTTP/1.1 200 -\r\nx-a: upstream\r\ncontent-length: 0\r\n\r\n"
    stack.check.answer = allowing(option, where="response_headers_to_add")
    assert http1.send(bare.port).values("x-a") == values


@pytest.mark.parametrize(
    ("value", "target"),
    [("b%20c%26d", "/?a=b%20c%26d"), ("b&c=d", "/?a=b&c=d"), ("b#c", "/?a=b#c")],
    ids=["encoded", "control: another parameter", "control: a fragment"],
)
def test_envoy_encodes_no_query_parameter(value: str, target: str, stack: Stack, bare: Gate) -> None:
    stack.check.answer = with_query(("a", value))
    assert http1.send(bare.port).status == 200
    assert stack.upstream.received[0].target == target


def test_control_a_raw_space_in_a_query_parameter_corrupts_the_request_line(stack: Stack, bare: Gate) -> None:
    stack.check.answer = with_query(("a", "b HTTP/1.1 c"))
    http1.send(bare.port)
    assert stack.upstream.received[0].start_line == "GET /?a=b HTTP/1.1 c HTTP/1.1"


@pytest.mark.parametrize(
    ("value", "status"), [("b-c_d.e*f", 200), ("b%20c", 500), ("b~c", 500), ("b c", 500), ("b&c", 500)]
)
def test_validated_mutations_take_no_query_parameter_with_an_escape(
    value: str, status: int, stack: Stack, shipped: Gate
) -> None:
    """Envoy asks that nothing needs an escape, and counts the sign that starts one as needing it."""
    stack.check.answer = with_query(("a", value))
    assert http1.send(shipped.port).status == status
    assert [each.target for each in stack.upstream.received] == ([f"/?a={value}"] if status == 200 else [])
