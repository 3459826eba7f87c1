"""What a policy says of headers and query, and what arrives of it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.e2e.contract.holdgate.policy import said
from tests.e2e.envoy_config.stack import ext_authz
from tests.support.gate import Document, Gate, envoy_before, problem

SPOOFED = (("x-user", b"boss"), ("X-User", b"root"))
BREAKING = ["a\rb", "a\nb", "a\r\nx-split: 1", "a\x00b"]


def test_what_the_policy_sets_leaves_no_forged_copy(gate: Gate) -> None:
    path = said(gate, {"allowed": True, "headers": {"x-user": "alice"}})
    assert gate.send(path, *SPOOFED).status == 200
    assert gate.received(path)[0].values("x-user") == [b"alice"]


def test_every_value_of_a_list_reaches_the_upstream(gate: Gate) -> None:
    path = said(gate, {"allowed": True, "headers": {"x-user": ["alice", "bob", "carol"]}})
    assert gate.send(path, *SPOOFED).status == 200
    (forwarded,) = gate.received(path)
    assert b",".join(forwarded.values("x-user")) == b"alice,bob,carol"


def test_what_the_policy_removes_is_gone_even_where_it_sets_it(gate: Gate) -> None:
    document = {
        "allowed": True,
        "headers": {"x-user": "alice"},
        "request_headers_to_remove": ["x-user", "x-a"],
    }
    path = said(gate, document)
    assert gate.send(path, *SPOOFED, ("x-a", b"1")).status == 200
    assert not {"x-user", "x-a"} & gate.received(path)[0].names()


@pytest.mark.parametrize("value", BREAKING, ids=repr)
@pytest.mark.parametrize(
    ("allowed", "key"),
    [(True, "headers"), (True, "response_headers_to_add"), (False, "headers")],
    ids=["request", "response", "refusal"],
)
def test_a_header_that_would_break_a_message_is_an_error(
    value: str, allowed: bool, key: str, gate: Gate
) -> None:
    """Holdgate's own guard: the answer is a problem document, not the bare 500 of Envoy's."""
    path = said(gate, {"allowed": allowed, key: {"x-said": value}})
    response = gate.send(path)
    assert (response.status, problem(response)) == (503, "unavailable")
    assert not {"x-said", "x-split"} & response.names()
    assert gate.hits(path) == 0


def test_a_refusal_sets_several_cookies(gate: Gate) -> None:
    path = said(gate, {"allowed": False, "headers": {"set-cookie": ["a=1", "b=2"]}})
    assert gate.send(path).values("set-cookie") == [b"a=1", b"b=2"]


def test_response_headers_are_added_to_the_upstreams(gate: Gate) -> None:
    gate.backing.upstream.answer = b"HTTP/1.1 200 -\r\nx-a: upstream\r\ncontent-length: 0\r\n\r\n"
    path = said(gate, {"allowed": True, "response_headers_to_add": {"x-a": ["b", "c"]}})
    assert gate.send(path).values("x-a") == [b"upstream", b"b", b"c"]


def unvalidated(document: Document) -> None:
    """Of what needs an escape, `validate_mutations` lets nothing into a query, escaped or not."""
    del ext_authz(document)["validate_mutations"]


@pytest.fixture(scope="module")
def shared_unvalidated(shared_gate: Gate) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, unvalidated) as gate:
        yield gate


LITERAL = ["b c", "b&c=d", "b#c", "b?c/d", "ö", "b\r\nx-split: 1", "b HTTP/1.1", "\x00", "100%"]


@pytest.mark.parametrize(
    ("value", "read"), [*((each, each) for each in LITERAL), ("b%20c", "b c"), ("b+c", "b c")]
)
def test_a_query_parameter_arrives_as_one_whatever_is_in_it(
    value: str, read: str, gate: Gate, shared_unvalidated: Gate
) -> None:
    """What the policy has encoded stays as it is."""
    path = said(gate, {"allowed": True, "query_parameters_to_set": {"a": value}})
    assert shared_unvalidated.send(f"{path}?z=1").status == 200
    (forwarded,) = gate.backing.upstream.received
    assert forwarded.start_line.count(" ") == 2
    assert "x-split" not in forwarded.names()
    pairs = parse_qsl(urlsplit(forwarded.target).query, strict_parsing=True)
    assert sorted(pairs) == [("a", read), ("z", "1")]


def test_without_escapes_a_query_parameter_passes_the_shipped_envoy(gate: Gate) -> None:
    path = said(gate, {"allowed": True, "query_parameters_to_set": {"a": "b-c_d.e"}})
    assert gate.send(path).status == 200
    assert gate.hits(f"{path}?a=b-c_d.e") == 1
