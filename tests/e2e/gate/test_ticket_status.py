"""`GET /.holdgate/tickets/ID` through Envoy: the true state for who has the token, and one answer for all others."""

from __future__ import annotations

import json

import pytest

from authz.domain.ticket import Choice
from tests.support.gate import TICKET, Gate, Held, problem
from tests.support.gate_backing import fresh


def status_path(held: Held) -> str:
    (link,) = held.response.values("link")
    return link.decode().partition("<")[2].partition(">")[0]


def test_the_holder_of_a_token_sees_what_becomes_of_the_ticket(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    states = []
    for _ in range(2):
        for who in (None, "alice"):  # the token alone counts, whoever is signed in
            response = gate.send(status_path(held), held.ticket, method="GET", who=who)
            assert response.status == 200
            states.append(json.loads(response.body)["state"])
        gate.vote(held.id)
    assert states == ["pending", "pending", "approved", "approved"]
    gate.send(path, held.ticket)
    response = gate.send(status_path(held), held.ticket, method="GET")
    assert json.loads(response.body)["state"] == "used_up"
    assert gate.hits(status_path(held)) == 0


def test_it_says_no_more_than_the_answer_to_the_request_did(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    response = gate.send(status_path(held), held.ticket, method="GET")
    told, told_here = json.loads(held.response.body), json.loads(response.body)
    assert told_here.items() <= told.items()
    assert not response.values(TICKET)
    assert held.token.encode() not in response.body
    assert response.values("cache-control") == [b"no-store"]
    gate.vote(held.id, choice=Choice.REJECT)
    refused = json.loads(gate.send(path, held.ticket).body)
    ended = json.loads(gate.send(status_path(held), held.ticket, method="GET").body)
    assert ended["state"] == "rejected"
    assert ended.items() <= refused.items()


def test_a_status_is_asked_of_nobody_but_the_console(gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    gate.backing.opa.inputs.clear()
    gate.send(status_path(held), held.ticket, method="GET")
    assert not gate.backing.opa.inputs
    assert not gate.backing.upstream.received


@pytest.mark.parametrize("wrong", ["no token", "another's", "a forged one", "two", "joined", "of no ticket"])
def test_whoever_has_not_the_token_gets_one_and_the_same_refusal(wrong: str, gate: Gate) -> None:
    held, other = gate.hold(fresh("hold")), gate.hold(fresh("hold"))
    tickets: dict[str, list[tuple[str, bytes]]] = {
        "no token": [],
        "another's": [other.ticket],
        "a forged one": [(TICKET, held.token[:-2].encode() + b"-A")],
        "two": [held.ticket, held.ticket],
        "joined": [(TICKET, f"{held.token},{held.token}".encode())],
        "of no ticket": [held.ticket],
    }
    target = "/.holdgate/tickets/" + ("0-" + "a" * 26 if wrong == "of no ticket" else held.id)
    response = gate.send(target, *tickets[wrong], method="GET")
    assert (response.status, problem(response)) == (403, "ticket-refused")
    assert response.body == gate.send("/.holdgate/tickets/x", method="GET").body


@pytest.mark.parametrize("host", ["gate.test", "gate.test:8443", "127.0.0.1", "xn--bcher-kva.example"])
def test_it_answers_under_the_gated_hosts_name(host: str, gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    assert gate.send(status_path(held), held.ticket, method="GET", host=host).status == 200


@pytest.mark.parametrize("path", ["/tickets", "/sign-in", "/static/console.css", "/"])
def test_no_page_of_the_console_can_be_reached_through_the_gate(path: str, gate: Gate) -> None:
    for target, asked in ((path, 1), (f"/.holdgate/tickets/..{path}", 0)):
        gate.backing.opa.inputs.clear()
        assert b"<html" not in gate.send(target, method="GET").body
        assert len(gate.backing.opa.inputs) == asked
