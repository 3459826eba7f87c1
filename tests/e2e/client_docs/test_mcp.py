"""The rule that docs/client.md shows for an MCP server behind the gate, with what an MCP client sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from secrets import token_hex

import pytest

from tests.e2e.client_docs.page import shown
from tests.support.gate import Gate, Held, envoy_before, problem
from tests.support.gate_server import GateServer

pytestmark = pytest.mark.timeout(180)  # the first test starts the gates

TYPE = ("content-type", b"application/json")


@pytest.fixture(scope="module")
def shared_server(
    rule_servers: tuple[dict[str, str], tuple[GateServer, ...]], shared_gate: Gate
) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, *rule_servers) as made:
        yield made


@pytest.fixture
def server(gate: Gate, shared_server: Gate) -> Gate:
    """The other gate's fresh start is this one's."""
    assert gate.backing is shared_server.backing
    return shared_server


def call(number: int, name: str, tool: str = "delete_resource") -> bytes:
    """Return a call as MCP's clients send it: each with another id, and a token for its progress."""
    params = {"name": tool, "arguments": {"name": name}, "_meta": {"progressToken": number}}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()


def held(server: Gate, path: str, body: bytes) -> Held:
    answer = server.send(path, TYPE, method="POST", body=body)
    assert (answer.status, problem(answer)) == (403, "held")
    document = json.loads(answer.body)
    return Held(answer, document["id"], document["token"], ("x-approval-ticket", document["token"].encode()))


def test_the_same_call_with_another_id_goes_through_once_approved(server: Gate) -> None:
    path = f"/mcp/{token_hex(4)}"
    first = held(server, path, call(1, "db-orders"))
    assert held(server, path, call(2, "db-orders")).id == first.id
    server.vote(first.id)
    assert server.send(path, TYPE, method="POST", body=call(3, "db-orders")).status == 200
    assert [json.loads(message.body)["id"] for message in server.received(path)] == [3]


def test_another_argument_is_another_call(server: Gate) -> None:
    path = f"/mcp/{token_hex(4)}"
    first = held(server, path, call(1, "db-orders"))
    server.vote(first.id)
    assert held(server, path, call(2, "db-payments")).id != first.id
    assert server.hits(path) == 0


def test_other_tools_and_methods_are_not_held(server: Gate) -> None:
    path = f"/mcp/{token_hex(4)}"
    assert server.send(path, TYPE, method="POST", body=call(1, "db-orders", tool="read")).status == 200
    listing = b'{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}'
    assert server.send(path, TYPE, method="POST", body=listing).status == 200


def test_control_where_the_id_is_bound_each_call_asks_anew(server: Gate) -> None:
    rule, opa = shown("rego mcp"), server.backing.opa
    opa.load("mcp", rule.replace('"/id", ', ""))
    try:
        path = f"/mcp/{token_hex(4)}"
        assert held(server, path, call(1, "db-orders")).id != held(server, path, call(2, "db-orders")).id
    finally:
        opa.load("mcp", rule)
