"""Approvals, whole: several demands, alternatives, sessions, what may differ, taking back, and the emergency."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from authz.adapters.redis.record_packing import unpacked
from authz.domain.errors import VoteRefused
from authz.domain.ticket import Choice
from tests.support.gate import Gate, Held, problem, signed_in
from tests.support.gate_backing import fresh
from tests.support.waiting import until

SRE = {"group": "sre"}
DEMAND: Mapping[str, Any] = {"rule": "hold", "reason": "a test holds this", "approvers": [SRE]}
WHY = "x-approval-justification"


def says(gate: Gate, path: str, approval: object, *, allowed: bool = False) -> None:
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": allowed, "approval": approval})


def members(gate: Gate, path: str, held: Held) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gate.send(path, held.ticket).body)
    return found


def test_two_rules_hold_both_and_share_the_votes(gate: Gate) -> None:
    path = fresh("hold")
    legal = {"rule": "leave-region", "approvers": [{"group": "developers"}], "grant": {"uses": 3}}
    says(gate, path, [{**DEMAND, "grant": {"uses": 2}}, legal])
    held = gate.hold(path)
    gate.vote(held.id, "bob")
    progress = members(gate, path, held)["progress"]
    assert progress == {"given": 1, "needed": 2, "awaiting": ["developers"]}
    gate.vote(held.id, "dave")
    assert [gate.send(path, held.ticket).status for _ in range(3)] == [200, 200, 403]


def test_one_of_several_alternatives_is_enough(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "approvers": {"one_of": [[{**SRE, "count": 2}], [{"group": "developers"}]]}})
    held = gate.hold(path)
    assert members(gate, path, held)["progress"]["awaiting"] == ["2 of sre or developers"]
    gate.vote(held.id, "dave")
    assert gate.send(path, held.ticket).status == 200


def test_one_person_is_one_seat_of_a_demand(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "approvers": [SRE, {"any": True}]})
    held = gate.hold(path)
    gate.vote(held.id, "bob")
    assert members(gate, path, held)["progress"]["given"] == 1
    gate.vote(held.id, "dave")
    assert gate.send(path, held.ticket).status == 200


def test_a_session_is_for_any_request_of_its_rule_and_scope(gate: Gate) -> None:
    session = {**DEMAND, "grant": {"scope": "kubectl", "valid_for": "1h"}}
    first, second, other = fresh("hold"), fresh("hold"), fresh("hold")
    for path in (first, second):
        says(gate, path, session)
    says(gate, other, {**DEMAND, "grant": {"scope": "terraform"}})
    held = gate.approved(first)
    assert gate.send(first, held.ticket).status == 200
    assert gate.send(second, held.ticket, method="POST", body=b"{}").status == 200
    refused = gate.send(other, held.ticket)
    assert (refused.status, json.loads(refused.body)["changed"]) == (409, ["scope"])
    assert gate.send(second, held.ticket, who="dave").status == 403
    assert gate.hits(other) == 0


def test_what_the_rule_lets_differ_may_differ_and_nothing_else(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "bind": {"body": {"ignore": ["/clientToken"]}}, "grant": {"uses": 2}})
    json_body = ("content-type", b"application/json")
    held = gate.approved(path, json_body, body=b'{"size": 1, "clientToken": "a"}')
    assert gate.send(path, held.ticket, json_body, body=b'{"clientToken":"b","size":1}').status == 200
    changed = gate.send(path, held.ticket, json_body, body=b'{"size": 2, "clientToken": "a"}')
    assert (changed.status, json.loads(changed.body)["changed"]) == (409, ["body"])
    assert gate.hits(path) == 1


def test_why_somebody_asks_is_kept_and_not_passed_on(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "justification": "required"})
    silent = gate.send(path)
    assert (silent.status, problem(silent)) == (428, "justification-required")
    held = gate.approved(path, (WHY, b"disk is full"))
    assert b'"justification":"disk is full"' in unpacked(gate.record(held.id)[b"record"])
    assert gate.send(path, held.ticket, (WHY, b"another reason")).status == 200
    (message,) = gate.received(path)
    assert not message.values(WHY)


def test_a_high_risk_wants_a_strong_sign_in(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "risk": "high"})
    held = gate.hold(path)
    with pytest.raises(VoteRefused, match="high risk") as refused:
        gate.vote(held.id)
    assert refused.value.code == "sign-in-too-weak"
    assert members(gate, path, held)["state"] == "pending"


def test_a_vote_taken_back_counts_no_more(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "approvers": [{**SRE, "count": 2}]})
    held = gate.hold(path)
    gate.vote(held.id, "bob")
    gate.act(lambda voting: voting.withdraw(held.id, signed_in("bob")))
    gate.vote(held.id, "carol")
    assert members(gate, path, held)["progress"]["given"] == 1
    assert gate.events(held.id) == ["ticket.created", "vote.recorded", "vote.withdrawn", "vote.recorded"]


def test_a_request_taken_back_is_over(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    gate.act(lambda voting: voting.cancel(held.id, signed_in("alice"), "not needed"))
    over = gate.send(path, held.ticket)
    assert (over.status, problem(over)) == (403, "cancelled")
    with pytest.raises(VoteRefused):
        gate.vote(held.id)
    assert gate.hold(path).id != held.id


def test_a_grant_taken_back_lets_nothing_through(gate: Gate) -> None:
    path = fresh("twice")
    held = gate.approved(path)
    assert gate.send(path, held.ticket).status == 200
    gate.act(lambda voting: voting.revoke(held.id, signed_in("carol"), "changed our minds"))
    over = gate.send(path, held.ticket)
    assert (over.status, problem(over)) == (403, "revoked")
    assert json.loads(over.body)["comment"] == "changed our minds"
    assert gate.hits(path) == 1


def test_a_pending_ticket_on_other_terms_makes_room(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    says(gate, path, {**DEMAND, "approvers": [{"group": "developers"}]})
    newer = gate.hold(path)
    assert newer.id != held.id
    with pytest.raises(VoteRefused):
        gate.vote(held.id)
    gate.vote(newer.id, "dave")
    assert json.loads(gate.send(path, held.ticket).body)["id"] == newer.id
    assert gate.send(path, newer.ticket).status == 200
    assert gate.events(held.id) == ["ticket.created", "ticket.superseded"]


def test_an_emergency_passes_and_leaves_a_review(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {"break_glass": {"group": "sre", "review_within": "24h"}}, allowed=True)
    assert gate.send(path, who="carol").status == 200
    (message,) = gate.received(path)
    (review,) = message.values("x-approval-id")
    assert gate.events(review.decode()) == ["breakglass.used"]
    for who, why in (("carol", "somebody else"), ("dave", "other people than you")):
        with pytest.raises(VoteRefused, match=why):
            gate.review(review.decode(), who)
    gate.review(review.decode(), "bob")
    until("the review is in the audit", lambda: gate.events(review.decode())[-1] == "breakglass.reviewed")


def test_an_emergency_is_not_everybodys(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {"break_glass": {"group": "admin", "review_within": "24h"}}, allowed=True)
    refused = gate.send(path, who="dave")
    assert (refused.status, problem(refused)) == (403, "break-glass-refused")
    assert gate.hits(path) == 0


def test_a_rejection_of_one_is_the_end_whatever_others_approved(gate: Gate) -> None:
    path = fresh("hold")
    says(gate, path, {**DEMAND, "approvers": [{**SRE, "count": 2}]})
    held = gate.hold(path)
    gate.vote(held.id, "bob")
    gate.vote(held.id, "carol", Choice.REJECT)
    over = gate.send(path, held.ticket)
    assert (over.status, problem(over)) == (403, "rejected")
    assert problem(gate.send(path)) == "rejected"
