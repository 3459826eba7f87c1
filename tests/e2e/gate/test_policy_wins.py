"""An approval lets nothing through that the policy doesn't let through now."""

from __future__ import annotations

import json

import pytest

from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import Gate, Held, problem
from tests.support.gate_backing import fresh

SRE = [{"group": "sre", "count": 1}]
DEMAND = {"rule": "hold", "reason": "a test holds this", "approvers": SRE, "grant": {"uses": 1}}


def now_says(gate: Gate, path: str, document: object) -> None:
    """Let the policy change its mind about one path."""
    gate.backing.opa.say(path.rpartition("/")[2], document)


def held_again(**different: object) -> dict[str, object]:
    return {"allowed": False, "approval": {**DEMAND, **different}}


def assert_untouched(gate: Gate, held: Held, before: dict[bytes, bytes], path: str) -> None:
    assert gate.record(held.id) == before
    assert gate.hits(path) == 0


def test_a_denial_wins_over_an_approved_ticket_and_takes_no_use(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    before = gate.record(held.id)
    now_says(
        gate, path, {"allowed": False, "http_status": 451, "body": "frozen", "headers": {"x-why": "freeze"}}
    )
    response = gate.send(path, held.ticket)
    assert (response.status, response.body, response.values("x-why")) == (451, b"frozen", [b"freeze"])
    assert_untouched(gate, held, before, path)
    gate.backing.opa.reset()
    assert gate.send(path, held.ticket).status == 200


def test_control_an_approval_that_overrules_the_policy_goes_through(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    held = gate.approved(path)
    now_says(gate, path, {"allowed": False})
    with unguarded.guards.without("denial"):
        assert gate.send(path, held.ticket).status == 200
    assert gate.hits(path) == 1


@pytest.mark.parametrize("approved", [False, True])
def test_where_the_policy_allows_now_the_request_passes(approved: bool, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path) if approved else gate.hold(path)
    now_says(gate, path, {"allowed": True, "headers": {"x-from-policy": "yes"}})
    assert gate.send(path, held.ticket).status == 200
    (message,) = gate.received(path)
    assert message.values("x-from-policy") == [b"yes"]
    assert bool(message.values("x-approval-id")) is approved
    assert gate.record(held.id)[b"uses_left"] == (b"0" if approved else b"1")


def test_the_policy_sees_an_approval_only_while_it_is_one(gate: Gate) -> None:
    path = fresh("shown")
    held = gate.hold(path)
    gate.send(path, held.ticket)
    gate.vote(held.id)
    assert gate.send(path, held.ticket).status == 200
    assert gate.send(path, held.ticket).status == 403
    first, pending, approved = gate.backing.opa.inputs
    assert "approval" not in first
    assert "approval" not in pending
    assert approved["approval"]["id"] == held.id
    assert approved["approval"]["votes"][0]["by"]["id"] == "bob"
    assert approved["approval"]["votes"][0]["by"]["groups"] == ["sre"]
    assert gate.hits(path) == 1


MUTATIONS: dict[str, dict[str, object]] = {
    "the path": {"headers": {":path": "/open/other"}},
    "the method": {"headers": {":method": "GET"}},
    "the authority": {"headers": {":authority": "other.test"}},
    "the host": {"headers": {"Host": "other.test"}},
    "a bound header": {"headers": {"Content-Type": "text/other"}},
    "a header that the operator bound": {"headers": [{"x-env": ["prod"]}]},
    "a bound header away": {"request_headers_to_remove": ["X-Env"]},
    "the query": {"query_parameters_to_set": {"force": "true"}},
    "a query parameter away": {"query_parameters_to_remove": ["dry-run"]},
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_policy_that_makes_another_request_of_an_approved_one_is_an_error(
    mutation: str, gate: Gate
) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    before = gate.record(held.id)
    now_says(gate, path, {"allowed": True, **MUTATIONS[mutation]})
    response = gate.send(path, held.ticket)
    assert (response.status, problem(response)) == (503, "unavailable")
    assert not gate.backing.upstream.received
    assert_untouched(gate, held, before, path)


def test_control_an_unchecked_mutation_sends_an_approved_request_elsewhere(unguarded: Unguarded) -> None:
    gate, path, elsewhere = unguarded.gate, fresh("hold"), fresh("open")
    held = gate.approved(path)
    now_says(gate, path, {"allowed": True, "headers": {":path": elsewhere}})
    with unguarded.guards.without("rebinding"):
        assert gate.send(path, held.ticket).status == 200
    assert (gate.hits(path), gate.hits(elsewhere)) == (0, 1)


def test_without_a_ticket_a_policy_may_change_the_request(gate: Gate) -> None:
    path, elsewhere = fresh("open"), fresh("open")
    now_says(gate, path, {"allowed": True, "headers": {":path": elsewhere}})
    assert gate.send(path).status == 200
    assert gate.hits(elsewhere) == 1


STRONGER: dict[str, dict[str, object]] = {
    "two approvals": held_again(approvers=[{"group": "sre", "count": 2}]),
    "another group too": held_again(approvers=[*SRE, {"group": "admin"}]),
    "another header bound": held_again(bind={"headers": ["x-tenant"]}),
}


@pytest.mark.parametrize("demand", STRONGER)
def test_an_approval_that_is_too_weak_for_todays_demand_is_superseded(demand: str, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    now_says(gate, path, STRONGER[demand])
    response = gate.send(path, held.ticket)
    newer = json.loads(response.body)
    assert (response.status, newer["state"]) == (202, "pending")
    assert newer["id"] != held.id
    assert gate.record(held.id)[b"state"] == b"superseded"
    assert gate.events(held.id)[-1] == "ticket.superseded"
    assert json.loads(gate.send(path, held.ticket).body)["id"] == newer["id"]
    assert gate.hits(path) == 0


def test_who_had_the_fewer_uses_of_today_asks_for_another(gate: Gate) -> None:
    path = fresh("twice")
    held = gate.approved(path)
    assert gate.send(path, held.ticket).status == 200
    now_says(gate, path, held_again(rule="twice", grant={"uses": 1}))
    response = gate.send(path, held.ticket)
    newer = json.loads(response.body)
    assert (response.status, newer["state"], newer["id"] != held.id) == (202, "pending", True)
    assert gate.record(held.id)[b"state"] == b"superseded"
    assert gate.hits(path) == 1
    gate.vote(newer["id"])
    assert gate.send(path, ("x-approval-ticket", newer["token"].encode())).status == 200
    assert gate.hits(path) == 2


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"allowed": "true"},
        held_again(quorum=1),
        held_again(approvers=[]),
        {**held_again(), "http_status": 200},
    ],
)
def test_rubbish_at_redemption_takes_no_use(document: object, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    before = gate.record(held.id)
    now_says(gate, path, document)
    response = gate.send(path, held.ticket)
    assert (response.status, problem(response)) == (503, "unavailable")
    assert_untouched(gate, held, before, path)


@pytest.mark.parametrize("status", [202, 403, 428, 503])
def test_a_rules_own_status_is_what_a_held_client_sees(status: int, gate: Gate) -> None:
    path = fresh("hold")
    now_says(gate, path, {**held_again(), "http_status": status})
    response = gate.send(path)
    assert response.status == status
    assert json.loads(response.body)["state"] == "pending"
    assert response.values("x-approval-ticket")
    kind = b"application/json" if status == 202 else b"application/problem+json"
    assert response.values("content-type") == [kind]
