"""A client can't claim an approval to the upstream, and its ticket stays between it and Holdgate."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.e2e.envoy_config.http1 import Message
from tests.e2e.envoy_config.stack import manager, route
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import TICKET, Document, Gate, Held, envoy_before
from tests.support.gate_backing import fresh

FORGED = (
    ("x-approval-id", b"forged"),
    ("X-Approval-By", b"boss"),
    ("x-approval-by", b"boss"),
    ("X-APPROVAL-RECEIPT", b"forged"),
    ("x-approval-", b"forged"),
    ("x-approval-tickets", b"forged"),
    ("x-approval-anything", b"forged"),
)
UNDERSCORED = (
    ("x_approval_id", b"forged"),
    ("x-approval_by", b"boss"),
    ("x_approval-by", b"boss"),
    ("X_Approval_Receipt", b"forged"),
)
KINDS = ["allow", "redemption"]


def unhardened(document: Document) -> None:
    """An Envoy of one's own, with the filter and without anything that removes or refuses headers."""
    del manager(document)["early_header_mutation_extensions"]
    manager(document)["common_http_protocol_options"]["headers_with_underscores_action"] = "ALLOW"
    del route(document, "gated")["request_headers_to_remove"]


@pytest.fixture(scope="module")
def unhardened_gate(shared_gate: Gate) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, unhardened) as gate:
        yield gate


def claims(message: Message) -> dict[str, list[bytes]]:
    """Return what a request says about approvals, in any spelling."""
    names = sorted(name for name in message.names() if name.replace("_", "-").startswith("x-approval"))
    return {name: message.values(name) for name in names}


def forwarded(gate: Gate, kind: str, *headers: tuple[str, bytes]) -> tuple[Message, Held | None]:
    """Send a request that goes through, and return what the upstream got."""
    path = fresh("open" if kind == "allow" else "hold")
    held = gate.approved(path) if kind == "redemption" else None
    own = (held.ticket,) if held else ()
    assert gate.send(path, *headers, *own).status == 200
    (message,) = gate.received(path)
    return message, held


def expected(held: Held | None) -> dict[str, list[bytes]]:
    if held is None:
        return {}
    voter = b'"https%3A%2F%2Fissuer.demo.holdgate.invalid:bob"'
    return {"x-approval-by": [voter], "x-approval-id": [held.id.encode()]}


@pytest.mark.parametrize("kind", KINDS)
def test_no_forged_claim_reaches_the_upstream(kind: str, gate: Gate) -> None:
    message, held = forwarded(gate, kind, *FORGED)
    assert claims(message) == expected(held)


@pytest.mark.parametrize("header", UNDERSCORED, ids=lambda header: header[0])
def test_underscores_are_refused_by_envoy_as_shipped(header: tuple[str, bytes], gate: Gate) -> None:
    assert gate.send(fresh("open"), header).status == 400
    assert not gate.backing.upstream.received
    assert not gate.backing.opa.inputs


@pytest.mark.parametrize("kind", KINDS)
def test_before_an_envoy_that_removes_nothing_holdgate_does(
    kind: str, gate: Gate, unhardened_gate: Gate
) -> None:
    assert gate.backing is unhardened_gate.backing
    message, held = forwarded(unhardened_gate, kind, *FORGED, *UNDERSCORED)
    assert claims(message) == expected(held)


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_two_guards_envoys_is_enough(kind: str, unguarded: Unguarded) -> None:
    with unguarded.guards.without("strip"):
        message, held = forwarded(unguarded.gate, kind, *FORGED)
    assert claims(message) == expected(held)


@pytest.mark.parametrize("kind", KINDS)
def test_control_without_both_guards_a_client_claims_an_approval(kind: str, unguarded: Unguarded) -> None:
    backing, environ = unguarded.gate.backing, unguarded.gate.environ
    with (
        envoy_before(backing, environ, unguarded.servers, unhardened) as gate,
        unguarded.guards.without("strip"),
    ):
        message, held = forwarded(gate, kind, *FORGED, *UNDERSCORED)
    assert claims(message).keys() > expected(held).keys()
    assert message.values("x_approval-by") == [b"boss"]
    assert message.values("x-approval-receipt") == [b"forged"]
    if held:
        assert message.values(TICKET) == [held.token.encode()]


def shown(text: str, held: Held) -> list[str]:
    """Say in which spellings a ticket is in a text."""
    spellings = {"plain": held.token, "base64": b64encode(held.token.encode()).decode()}
    return [name for name, spelling in spellings.items() if spelling in text]


@pytest.mark.parametrize("state", ["pending", "approved"])
def test_opa_is_never_shown_a_ticket_nor_logs_one(state: str, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    if state == "approved":
        gate.vote(held.id)
    gate.send(path, held.ticket, ("x-other", b"seen"))
    assert len(gate.backing.opa.inputs) == 2
    assert gate.backing.opa.inputs[1]["attributes"]["request"]["http"]["headers"]["x-other"] == "seen"
    assert shown(repr(gate.backing.opa.inputs), held) == []
    assert shown(gate.backing.opa.logged(), held) == []


def test_a_ticket_in_a_misspelled_header_is_not_shown_to_opa_either(
    gate: Gate, unhardened_gate: Gate
) -> None:
    path = fresh("open")
    held = gate.hold(fresh("hold"))
    for name in ("x_approval_ticket", "X-Approval_Ticket"):
        unhardened_gate.send(path, (name, held.token.encode()))
    assert gate.backing.opa.inputs
    assert shown(repr(gate.backing.opa.inputs), held) == []
    assert [claims(message) for message in gate.received(path)] == [{}, {}]


def test_control_without_leaving_it_out_opa_logs_the_ticket(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    held = gate.hold(path)
    with unguarded.guards.without("ticket-out-of-input"):
        gate.send(path, held.ticket)
    assert shown(repr(gate.backing.opa.inputs), held) == ["plain", "base64"]
    assert shown(gate.backing.opa.logged(), held) == ["plain", "base64"]


def test_nothing_that_holdgate_and_envoy_write_has_a_ticket_a_token_or_a_query_in_it(gate: Gate) -> None:
    path, secret = fresh("hold"), "s3cr3t"
    target = f"{path}?password={secret}"
    held = gate.approved(target, method="POST", body=secret.encode())
    assert gate.send(target, held.ticket, method="POST", body=secret.encode()).status == 200
    written = ""
    deadline = time.monotonic() + 10
    while written.count(path) < 4:  # each of the two requests, by the check server and by Envoy
        assert time.monotonic() < deadline, "a line is missing"
        logs = [gate.envoy.output, gate.envoy.log, *(server.log for server in gate.servers)]
        written = "".join(log.read_text(errors="replace") for log in logs)
    assert shown(written, held) == []
    assert secret not in written
    assert "Bearer" not in written
