"""Who may do what where the operator has no rule of their own: as the library's `holdgate.voting` says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Actor, Identity, Person
from authz.services.permissions import Action, BuiltInRule
from authz.services.vote_subject import ticket_subject
from tests.support.requirements import approved_by
from tests.support.sample_tickets import CREATED_AT, ISSUER, REQUIREMENT, ticket, vote

CAROL = Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1"))
SRE = Approver(ApproverKind.GROUP, "sre")
ANYBODY = Approver(ApproverKind.ANY)
SUBJECT = ticket_subject(
    replace(ticket(requirement=approved_by(REQUIREMENT, CAROL, SRE)), votes=(vote(name="erin"),)), CREATED_AT
)


def somebody(name: str, *groups: str, account: str = "") -> Actor:
    person = Person(name, name, frozenset(groups), "test")
    return Actor(Identity(ISSUER, account or f"{name}-1"), name, person, "demo", 0)


WHO = {
    "of a group that is asked": somebody("bob", "dev", "sre"),
    "asked by name": somebody("carol", "dev"),
    "asked by name under another account": somebody("carol", "dev", account="carol-2"),
    "not asked": somebody("dave", "dev"),
    "not asked any more": somebody("erin", "dev"),
    "the requester": somebody("alice", "dev"),
    "the requester, asked": somebody("alice", "sre"),
    "the requester under another account": somebody("alice", "sre", account="alice-2"),
    "the requester, unknown": replace(somebody("alice"), person=None),
    "unknown": replace(somebody("mallory"), person=None),
}
ASKED = {"approve", "reject", "review", "withdraw", "break_glass", "view", "revoke", "request"}
MAY: dict[str, set[str]] = {
    "of a group that is asked": ASKED,
    "asked by name": ASKED,
    "asked by name under another account": {"request"},
    "not asked": {"request"},
    "not asked any more": {"request", "withdraw", "view"},
    "the requester": {"request", "cancel", "view", "revoke"},
    "the requester, asked": {"request", "cancel", "view", "revoke", "withdraw", "break_glass"},
    "the requester under another account": {"request", "cancel", "view", "revoke", "withdraw", "break_glass"},
    "the requester, unknown": {"request", "cancel", "view", "revoke"},
    "unknown": {"request"},
}
NOT_YOURS = "Only who asked for this can take it back; you can reject it."
UNKNOWN = "The directory doesn't know you."
OWN = "You asked for this yourself, so somebody else has to decide."
OTHERS = "This rule asks for other people than you."
REASONS: dict[tuple[str, str], str] = {
    ("unknown", "approve"): UNKNOWN,
    ("unknown", "cancel"): NOT_YOURS,
    ("of a group that is asked", "cancel"): NOT_YOURS,
    ("not asked", "approve"): OTHERS,
    ("not asked", "view"): OTHERS,
    ("the requester", "reject"): OWN,
    ("the requester", "withdraw"): OTHERS,
    ("the requester under another account", "review"): OWN,
    ("the requester, unknown", "approve"): UNKNOWN,
}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("action", Action)
async def test_who_may_do_what(who: str, action: Action) -> None:
    said = await BuiltInRule().permits(action, WHO[who], SUBJECT, 1)
    assert said.allowed is (action.value in MAY[who])
    assert bool(said.reason) is not said.allowed


@pytest.mark.parametrize(("who", "action"), REASONS)
async def test_whoever_may_not_is_told_why(who: str, action: str) -> None:
    said = await BuiltInRule().permits(Action(action), WHO[who], SUBJECT, 1)
    assert said.reason == REASONS[who, action]


async def test_where_anybody_is_asked_everybody_whom_the_directory_knows_may_decide() -> None:
    anybody = ticket_subject(ticket(requirement=approved_by(REQUIREMENT, ANYBODY)), CREATED_AT)
    for who, allowed in (("not asked", True), ("the requester", False), ("unknown", False)):
        said = await BuiltInRule().permits(Action.APPROVE, WHO[who], anybody, 1)
        assert said.allowed is allowed
