"""DELETE of a ticket through Envoy: its requester takes the request back, and nobody else."""

from __future__ import annotations

import json

import pytest

from authz.domain.ticket import Choice
from tests.e2e.gate.conftest import Unguarded
from tests.e2e.gate.test_refused_tickets import redis_commands
from tests.support.gate import TICKET, Gate, Held, problem
from tests.support.gate_backing import fresh


def ticket_path(held: Held) -> str:
    return f"/.holdgate/tickets/{held.id}"


def test_a_request_taken_back_does_not_go_through(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    gate.backing.opa.inputs.clear()
    response = gate.send(ticket_path(held), held.ticket)
    assert response.status == 200
    told = json.loads(response.body)
    assert (told["state"], told["ended_by"]) == ("cancelled", "Alice")
    assert not gate.backing.opa.inputs  # whoever was verified needs no policy to be named
    assert gate.events(held.id) == ["ticket.created", "ticket.cancelled"]
    assert problem(gate.send(path, held.ticket)) == "cancelled"
    again = gate.send(ticket_path(held), held.ticket)
    assert (again.status, again.body) == (200, response.body)
    assert gate.events(held.id) == ["ticket.created", "ticket.cancelled"]
    assert not gate.backing.upstream.received
    # Asked for again it is another ticket.
    assert gate.hold(path).id != held.id


def test_an_approval_taken_back_lets_nothing_through(gate: Gate) -> None:
    path = fresh("twice")
    held = gate.approved(path)
    assert gate.send(path, held.ticket).status == 200
    response = gate.send(ticket_path(held), held.ticket)
    assert (response.status, json.loads(response.body)["state"]) == (200, "revoked")
    assert problem(gate.send(path, held.ticket)) == "revoked"
    assert gate.hits(path) == 1


def test_control_an_approval_not_taken_back_does(gate: Gate) -> None:
    path = fresh("twice")
    held = gate.approved(path)
    assert [gate.send(path, held.ticket).status for _ in range(2)] == [200, 200]


def test_what_is_over_is_not_taken_back(gate: Gate) -> None:
    path = fresh("hold")
    used, rejected = gate.approved(path), gate.hold(fresh("hold"))
    assert gate.send(path, used.ticket).status == 200
    gate.vote(rejected.id, choice=Choice.REJECT)
    for held, state in ((used, "used_up"), (rejected, "rejected")):
        response = gate.send(ticket_path(held), held.ticket)
        assert (response.status, problem(response)) == (409, "ticket-over")
        assert json.loads(response.body)["state"] == state


@pytest.mark.parametrize("who", ["dave", "bob", "robot", None])
def test_nobody_else_takes_it_back(who: str | None, gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    before = gate.record(held.id)
    response = gate.send(ticket_path(held), held.ticket, who=who)
    forged = gate.send(ticket_path(held), (TICKET, held.token[:-2].encode() + b"-A"))
    assert (response.status, problem(response)) == (403, "ticket-refused")
    assert response.body == forged.body
    assert gate.record(held.id) == before


def test_control_where_nobody_looks_who_sends_it_anybody_does(unguarded: Unguarded) -> None:
    gate = unguarded.gate
    held = gate.hold(fresh("hold"))
    assert gate.send(ticket_path(held), held.ticket, who="dave").status == 403
    with unguarded.guards.without("sender"):
        assert gate.send(ticket_path(held), held.ticket, who="dave").status == 200


def test_a_forged_token_costs_no_redis_command(gate: Gate) -> None:
    held, other = gate.hold(fresh("hold")), gate.hold(fresh("hold"))
    forged = [
        [],
        [(TICKET, held.token[:-2].encode() + b"-A")],
        [held.ticket, held.ticket],
        [other.ticket],
    ]
    with redis_commands(gate) as seen:
        answers = [gate.send(ticket_path(held), *tickets) for tickets in forged]
    assert seen == []
    assert {(answer.status, answer.body) for answer in answers} == {(403, answers[0].body)}
    with redis_commands(gate) as seen:
        assert gate.send(ticket_path(held), held.ticket).status == 200
    assert seen


def test_a_ticket_taken_back_by_many_at_once_is_taken_back_once(gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    answers = gate.burst([gate.request(ticket_path(held), held.ticket)] * 20)
    assert {(answer.status, json.loads(answer.body)["state"]) for answer in answers} == {(200, "cancelled")}
    assert gate.events(held.id) == ["ticket.created", "ticket.cancelled"]
