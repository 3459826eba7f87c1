"""Where the operator has no rule, Holdgate answers as the library's rule in a real OPA, in every case of a table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.vote_rule import OpaVoteRule
from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Actor, Identity, Person, Principal
from authz.domain.requirement import Demand
from authz.domain.ticket import TicketDraft
from authz.services import permissions
from authz.services.permissions import Action, BuiltInRule, Permission, Subject, VoteRule
from authz.services.vote_subject import draft_subject, review_subject, ticket_subject
from tests.integration.policies.opa_server import RunningOpa
from tests.support.requirements import approved_by
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, ISSUER, REQUIREMENT, draft, ticket, vote

SECONDS = 5.0
SRE, LEADS = Approver(ApproverKind.GROUP, "sre", count=2), Approver(ApproverKind.GROUP, "leads")
CAROL = Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1"))
ANY = Approver(ApproverKind.ANY)


def somebody(account: str, person: str, *groups: str, ns: str = ISSUER) -> Actor:
    known = Person(person, person, frozenset(groups), "opa") if person else None
    return Actor(Identity(ns, account), account, known, "oidc", CREATED_AT)


ACTORS = {
    "a member of the group": somebody("bob-1", "bob", "sre"),
    "a member of several": somebody("erin-1", "erin", "leads", "sales", "sre"),
    "a named user": somebody("carol-1", "carol"),
    "their namesake elsewhere": somebody("carol-1", "carla", ns="https://other.example"),
    "another account of the named person": somebody("carol-2", "carol"),
    "somebody else": somebody("dave-1", "dave", "sales"),
    "a member of a group of nearly that name": somebody("frank-1", "frank", "SRE", "sre-oncall", ""),
    "the requester": somebody("alice-1", "alice"),
    "the requester, a member": somebody("alice-1", "alice", "sre", "leads"),
    "the requester by another account": somebody("alice-2", "alice", "sre", ns="https://other.example"),
    "the requester's account at another person": somebody("alice-1", "heidi", "sre"),
    "the requester, a stranger": somebody("alice-1", ""),
    "a stranger": somebody("mallory-1", ""),
}


def asking(*demands: tuple[Approver, ...]) -> TicketDraft:
    rules = tuple(Demand(f"rule-{i}", "", (seats,)) for i, seats in enumerate(demands))
    return draft(requirement=replace(REQUIREMENT, demands=rules))


def either(*alternatives: tuple[Approver, ...]) -> TicketDraft:
    return draft(requirement=replace(REQUIREMENT, demands=(Demand("rule", "", alternatives),)))


def voted_on(*names: str) -> Subject:
    held = replace(
        ticket(requirement=approved_by(REQUIREMENT, SRE)), votes=tuple(vote(name=n) for n in names)
    )
    return ticket_subject(held, CREATED_AT)


STRANGER = Principal(Identity(ISSUER, "mallory-1"), "")
SUBJECTS: Mapping[str, Subject] = {
    "a group": draft_subject(asking((SRE,))),
    "a named user": draft_subject(asking((CAROL,))),
    "any": draft_subject(asking((ANY,))),
    "a group and a named user": draft_subject(asking((LEADS, CAROL))),
    "two rules": draft_subject(asking((SRE,), (LEADS,))),
    "alternatives": draft_subject(either((SRE,), (CAROL, LEADS))),
    "the requester's own name": draft_subject(
        asking((Approver(ApproverKind.USER, user=Identity(ISSUER, "alice-1")),))
    ),
    "a requester whom nobody knows": draft_subject(
        replace(asking((SRE,)), requester=STRANGER, requester_person=None)
    ),
    "anybody, asked by a stranger": draft_subject(
        replace(asking((ANY,)), requester=STRANGER, requester_person=None)
    ),
    "votes of a member and of one who left": voted_on("bob", "dave"),
    "a vote of the requester's, as none can be": voted_on("alice"),
    "a review": review_subject(review_draft()),
    "a review with reviewers": review_subject(review_draft(), [LEADS, CAROL]),
    "a review for anybody": review_subject(review_draft(), [ANY]),
}


async def table(rule: VoteRule) -> dict[tuple[str, str, str], Permission]:
    """Return what a rule says in each case."""
    return {
        (about, who, action.value): await rule.permits(action, actor, subject, SECONDS)
        for about, subject in SUBJECTS.items()
        for who, actor in ACTORS.items()
        for action in Action
    }


@pytest.fixture(scope="module")
def shipped(demo: RunningOpa) -> dict[tuple[str, str, str], Permission]:
    """What the library says, asked once."""

    async def asked() -> dict[tuple[str, str, str], Permission]:
        async with OpaClient(demo.url, connections=1, max_answer_bytes=4096) as client:
            return await table(OpaVoteRule(client, "holdgate/voting/answer"))

    return asyncio.run(asked())


async def test_the_built_in_rule_says_word_for_word_what_the_shipped_one_says(
    shipped: dict[tuple[str, str, str], Permission],
) -> None:
    assert await table(BuiltInRule()) == shipped
    assert {answer.allowed for answer in shipped.values()} == {True, False}


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("_permitted", lambda action, *_: action is not Action.REVIEW),
        ("_asked", lambda _subject, actor: actor.person is not None),
        ("_asked", lambda *_: False),
        ("_own", lambda subject, actor: subject["requester"]["id"] == actor.identity.id),
        ("_own", lambda *_: False),
        ("_voted", lambda *_: True),
        ("_voted", lambda *_: False),
        ("_reason", lambda *_: "This rule asks for other people than you."),
    ],
)
async def test_control_the_table_notices_every_part_that_is_missing(
    shipped: dict[tuple[str, str, str], Permission],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    broken: Callable[..., object],
) -> None:
    """The first is how it was: without a rule everybody whom the directory knows saw every ticket."""
    monkeypatch.setattr(permissions, part, broken)
    assert await table(BuiltInRule()) != shipped
