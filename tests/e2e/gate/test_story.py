"""The plain story through the whole gate, so that the other tests' failures mean what they say."""

from __future__ import annotations

from authz.domain.ticket import Choice
from tests.support.gate import Gate, problem
from tests.support.gate_backing import fresh


def test_what_the_policy_allows_reaches_the_upstream_once(gate: Gate) -> None:
    path = fresh("open")
    assert gate.send(path).status == 200
    assert gate.hits(path) == 1


def test_what_the_policy_denies_does_not_reach_the_upstream(gate: Gate) -> None:
    path = fresh("closed")
    response = gate.send(path)
    assert (response.status, response.body) == (403, b"the policy says no")
    assert gate.hits(path) == 0


def test_a_held_request_is_approved_and_goes_through_once(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    assert gate.send(path, held.ticket).status == 202
    assert gate.hits(path) == 0
    gate.vote(held.id)
    assert gate.send(path, held.ticket).status == 200
    (forwarded,) = gate.received(path)
    assert forwarded.values("x-approval-id") == [held.id.encode()]
    assert problem(gate.send(path, held.ticket)) == "used-up"
    assert gate.hits(path) == 1
    assert gate.events(held.id) == [
        "ticket.created",
        "vote.recorded",
        "ticket.approved",
        "grant.redeemed",
        "grant.used_up",
    ]


def test_a_rejected_request_stays_out(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    gate.vote(held.id, choice=Choice.REJECT)
    assert problem(gate.send(path, held.ticket)) == "rejected"
    assert problem(gate.send(path)) == "rejected"
    assert gate.hits(path) == 0
