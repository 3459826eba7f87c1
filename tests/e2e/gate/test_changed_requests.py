"""What was approved is what runs: each change is a 409 that names the part and no value, and takes no use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from authz.domain.fingerprint import ALWAYS_BOUND_HEADERS
from tests.e2e.envoy_config.http1 import Message
from tests.e2e.envoy_config.stack import manager
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import HOST, Document, Gate, envoy_before, problem
from tests.support.gate_backing import BOUND_HEADER, fresh

SECRET = "s3cr3t-value"


@dataclass(frozen=True, slots=True)
class Request:
    """A request in the pieces that a test changes. `suffix` comes after a path of its own."""

    method: str = "POST"
    suffix: str = ""
    host: str = HOST
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes | None = None

    def send(self, gate: Gate, path: str, *more: tuple[str, bytes]) -> Message:
        return gate.send(
            path + self.suffix, *self.headers, *more, method=self.method, host=self.host, body=self.body
        )


@dataclass(frozen=True, slots=True)
class Change:
    """Two requests and the parts in which they differ."""

    then: Request
    now: Request
    parts: list[str] = field(default_factory=list)


def headers(*pairs: tuple[str, bytes]) -> Request:
    return Request(headers=pairs, body=b"")


CHANGES = {
    "another method": Change(Request("DELETE"), Request("PUT"), ["method"]),
    "a method that nobody knows": Change(Request("DELETE"), Request("PURGE"), ["method"]),
    "a longer path": Change(Request(), Request(suffix="/more"), ["path"]),
    "a slash at the end": Change(Request(), Request(suffix="/"), ["path"]),
    "an escaped sign": Change(Request(suffix="/a!"), Request(suffix="/a%21"), ["path"]),
    "an escape in other letters": Change(Request(suffix="/%c3%a9"), Request(suffix="/%C3%A9"), ["path"]),
    "an escaped question mark": Change(Request(suffix="/?a"), Request(suffix="/%3Fa"), ["path", "query"]),
    "a path parameter": Change(Request(), Request(suffix=";a=b"), ["path"]),
    "a query where none was": Change(Request(), Request(suffix="?a=1"), ["query"]),
    "an empty query where none was": Change(Request(), Request(suffix="?"), ["query"]),
    "no query where an empty one was": Change(Request(suffix="?"), Request(), ["query"]),
    "another order of the query": Change(Request(suffix="?a=1&b=2"), Request(suffix="?b=2&a=1"), ["query"]),
    "one query parameter doubled": Change(Request(suffix="?a=1"), Request(suffix="?a=1&a=1"), ["query"]),
    "a value of the query": Change(Request(suffix="?a=1"), Request(suffix=f"?a={SECRET}"), ["query"]),
    "an escape in the query": Change(Request(suffix="?a=b"), Request(suffix="?a=%62"), ["query"]),
    "another host": Change(Request(), Request(host="other.test"), ["host"]),
    "another port": Change(Request(), Request(host=f"{HOST}:81"), ["host"]),
    "a body where none was": Change(Request(), Request(body=b"a"), ["body"]),
    "another body": Change(Request(body=b"a"), Request(body=SECRET.encode()), ["body"]),
    "one bit of the body": Change(Request(body=b"\x00\xfe"), Request(body=b"\x00\xff"), ["body"]),
    "other white space in JSON": Change(Request(body=b'{"a":1}'), Request(body=b'{"a": 1}'), ["body"]),
    "several parts": Change(
        Request("PUT", body=b"a"),
        Request("POST", "/b?c", "other.test", ((BOUND_HEADER, b"d"),), b"e"),
        ["body", f"header:{BOUND_HEADER}", "host", "method", "path", "query"],
    ),
    "another value of a bound header": Change(
        headers((BOUND_HEADER, b"a")), headers((BOUND_HEADER, b"b")), [f"header:{BOUND_HEADER}"]
    ),
    "an empty bound header where none was": Change(
        headers(), headers((BOUND_HEADER, b"")), [f"header:{BOUND_HEADER}"]
    ),
    "a bound header twice": Change(
        headers((BOUND_HEADER, b"a")),
        headers((BOUND_HEADER, b"a"), (BOUND_HEADER, b"a")),
        [f"header:{BOUND_HEADER}"],
    ),
    "two values joined": Change(
        headers((BOUND_HEADER, b"a"), (BOUND_HEADER, b"b")),
        headers((BOUND_HEADER, b"a,b")),
        [f"header:{BOUND_HEADER}"],
    ),
    "bytes outside UTF-8": Change(
        headers((BOUND_HEADER, b"\xfe")), headers((BOUND_HEADER, b"\xff")), [f"header:{BOUND_HEADER}"]
    ),
    "an exclamation mark for such a byte": Change(
        headers((BOUND_HEADER, b"\xfe")), headers((BOUND_HEADER, b"!")), [f"header:{BOUND_HEADER}"]
    ),
}


def assert_conflict(response: Message, parts: list[str]) -> None:
    assert response.status == 409
    assert problem(response) == "request-changed"
    assert json.loads(response.body)["changed"] == parts
    assert SECRET.encode() not in response.body


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_a_conflict_and_the_grant_waits_for_the_original(name: str, gate: Gate) -> None:
    change, path = CHANGES[name], fresh("hold")
    gate.backing.opa.inputs.clear()
    held_answer = change.then.send(gate, path)
    assert held_answer.status == 202
    ticket = held_answer.values("x-approval-ticket")[0]
    identifier = json.loads(held_answer.body)["id"]
    gate.vote(identifier)
    before = gate.record(identifier)
    assert_conflict(change.now.send(gate, path, ("x-approval-ticket", ticket)), change.parts)
    assert gate.record(identifier) == before
    assert not gate.backing.upstream.received
    assert change.then.send(gate, path, ("x-approval-ticket", ticket)).status == 200
    assert gate.hits(path + change.then.suffix) == 1


@pytest.mark.parametrize("name", sorted(ALWAYS_BOUND_HEADERS | {BOUND_HEADER}))
def test_every_bound_header_is_named(name: str, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path, (name, b"1"), body=b"")
    for value in ([], [b"2"], [b"1", b"1"]):
        sent = [(name, each) for each in value]
        assert_conflict(gate.send(path, *sent, held.ticket, body=b""), [f"header:{name}"])


def test_a_rules_own_headers_are_bound_too(gate: Gate) -> None:
    path = fresh("bound")
    held = gate.approved(path, ("x-tenant", b"blue"))
    assert_conflict(gate.send(path, ("x-tenant", SECRET.encode()), held.ticket), ["header:x-tenant"])
    assert_conflict(gate.send(path, held.ticket), ["header:x-tenant"])
    assert gate.send(path, ("X-Tenant", b"blue"), held.ticket).status == 200


def test_a_header_that_nobody_bound_may_change(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path, ("user-agent", b"one"))
    assert gate.send(path, ("user-agent", b"two"), ("x-other", b"new"), held.ticket).status == 200


def slashes_kept(document: Document) -> None:
    manager(document)["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"


@pytest.fixture(scope="module")
def keeping_slashes(shared_gate: Gate) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, slashes_kept) as gate:
        yield gate


@pytest.mark.parametrize(("then", "now"), [("/a%2Fb", "/a/b"), ("/a/b", "/a%2Fb"), ("/a%2Fb", "/a%2fb")])
def test_where_envoy_keeps_escaped_slashes_they_are_another_path(
    then: str, now: str, gate: Gate, keeping_slashes: Gate
) -> None:
    path = fresh("hold")
    held = keeping_slashes.approved(path + then)
    assert_conflict(keeping_slashes.send(path + now, held.ticket), ["path"])
    assert not gate.backing.upstream.received
    assert keeping_slashes.send(path + then, held.ticket).status == 200
    assert gate.hits(path + then) == 1


def test_the_shipped_envoy_refuses_escaped_slashes_before_anybody_is_asked(gate: Gate) -> None:
    assert gate.send(fresh("hold") + "/a%2Fb").status == 400
    assert not gate.backing.opa.inputs


@pytest.mark.parametrize("state", ["pending", "approved", "used up"])
def test_a_ticket_in_any_state_is_for_its_own_request_only(state: str, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    if state != "pending":
        gate.vote(held.id)
    if state == "used up":
        gate.send(path, held.ticket)
    hits = len(gate.backing.upstream.received)
    for kind in ("open", "hold", "closed"):
        response = gate.send(fresh(kind), held.ticket)
        assert_conflict(response, ["path"])
    assert len(gate.backing.upstream.received) == hits


def test_control_without_the_comparison_an_approval_opens_every_door(unguarded: Unguarded) -> None:
    gate, other = unguarded.gate, fresh("hold")
    held = gate.approved(fresh("hold"))
    with unguarded.guards.without("same-request"):
        assert gate.send(other, held.ticket).status == 200
    assert gate.hits(other) == 1
