"""What the operator's rule sees of a ticket, of one that somebody is about to get, and of a review."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity
from authz.domain.requirement import Demand, Requirement, Risk
from authz.domain.ticket import Choice
from authz.services.vote_subject import draft_subject, review_subject, ticket_subject
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, ISSUER, approved, draft, ticket, vote

SRE = Approver(ApproverKind.GROUP, "sre", count=2)
CAROL = Approver(ApproverKind.USER, user=Identity("slack", "u-7"))
ANY = Approver(ApproverKind.ANY, count=3)
TERMS = Requirement(
    (
        Demand("delete-production", "deletes", ((SRE, CAROL), (ANY,))),
        Demand("on-sunday", "nobody is there", ((Approver(ApproverKind.GROUP, "leads"),),)),
    ),
    60_000,
    1,
    60_000,
    risk=Risk.HIGH,
)
ALICE = {"ns": ISSUER, "id": "alice-1", "name": "alice", "person": "alice"}
DESCRIBED: dict[str, object] = {
    "id": draft().id,
    "rule": "delete-production",
    "rules": ["delete-production", "on-sunday"],
    "reason": "deletes; nobody is there",
    "state": "pending",
    "requester": ALICE,
    "approvers": [
        [
            {"group": "sre", "count": 2},
            {"user": {"ns": "slack", "id": "u-7"}, "count": 1},
            {"any": True, "count": 3},
        ],
        [{"group": "leads", "count": 1}],
    ],
    "risk": "high",
    "method": "DELETE",
    "host": "api.example",
    "path": "/resources/db-orders",
    "votes": [],
}


def test_a_ticket_that_somebody_is_about_to_get_is_described_whole() -> None:
    assert draft_subject(draft(requirement=TERMS)) == DESCRIBED


def test_a_requester_whom_the_directory_does_not_know_is_no_person() -> None:
    unknown = replace(draft(requirement=TERMS), requester_person=None)
    assert draft_subject(unknown) == {**DESCRIBED, "requester": {**ALICE, "person": ""}}


def test_a_ticket_has_its_state_of_now_and_its_votes() -> None:
    given = replace(vote(Choice.APPROVE, "bob"), groups=("dev", "sre"))
    held = approved(ticket(requirement=TERMS), given)
    now = CREATED_AT + 61_000
    assert ticket_subject(held, now) == {
        **DESCRIBED,
        "state": "approved",
        "votes": [
            {
                "choice": "approve",
                "by": {
                    "ns": ISSUER,
                    "id": "bob-1",
                    "name": "bob",
                    "person": "bob",
                    "groups": ["dev", "sre"],
                },
                "at": "2023-11-14T22:14:20Z",
            }
        ],
    }
    assert ticket_subject(held, now + 60_000)["state"] == "lapsed"


def test_a_use_of_break_glass_is_for_one_of_its_group_to_review() -> None:
    """And its risk is always high."""
    assert review_subject(review_draft()) == {
        **DESCRIBED,
        "id": review_draft().id,
        "rule": "break-glass",
        "rules": ["break-glass"],
        "reason": "the database is down",
        "approvers": [[{"group": "sre", "count": 1}]],
    }


def test_default_approvers_may_review_beside_the_group() -> None:
    described = review_subject(review_draft(), (SRE, ANY, CAROL))
    assert described["approvers"] == [
        [
            {"group": "sre", "count": 1},
            {"group": "sre", "count": 2},
            {"any": True, "count": 3},
            {"user": {"ns": "slack", "id": "u-7"}, "count": 1},
        ]
    ]
