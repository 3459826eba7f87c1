"""Holdgate asks the library's rule, in a real OPA, who may act."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.vote_rule import OpaVoteRule
from authz.domain.identity import Actor, Identity, Person
from authz.services.permissions import Action, Permission
from authz.services.vote_subject import ticket_subject
from tests.integration.policies.opa_server import RunningOpa
from tests.support.sample_tickets import ticket

PATH = "holdgate/voting/answer"
HELD = ticket()
SUBJECT = ticket_subject(HELD, HELD.created_at)
SECONDS = 5.0


@pytest.fixture
async def rule(demo: RunningOpa) -> AsyncIterator[OpaVoteRule]:
    async with OpaClient(demo.url, connections=1, max_answer_bytes=4096) as client:
        yield OpaVoteRule(client, PATH)


def actor(identity: Identity, person: str, *groups: str) -> Actor:
    known = Person(person, person, frozenset(groups), "opa") if person else None
    return Actor(identity, person, known, "oidc", HELD.created_at)


def group() -> str:
    """The group that the sample ticket asks."""
    (seat,) = HELD.draft.requirement.demands[0].approvers
    return seat.group


async def test_it_has_an_answer_before_anybody_asked(rule: OpaVoteRule) -> None:
    assert await rule.defined(SECONDS)


async def test_a_rule_that_is_not_there_has_none(demo: RunningOpa) -> None:
    """Control: being ready depends on it."""
    async with OpaClient(demo.url, connections=1, max_answer_bytes=4096) as client:
        assert not await OpaVoteRule(client, "holdgate/voting/anser").defined(SECONDS)


async def test_whom_the_rule_asks_may_decide_and_others_may_not(rule: OpaVoteRule) -> None:
    asked = actor(Identity("https://issuer.example", "dave"), "dave", group())
    other = actor(Identity("https://issuer.example", "erin"), "erin", f"{group()}-oncall")
    for action in (Action.VIEW, Action.APPROVE, Action.REJECT, Action.WITHDRAW, Action.REVOKE):
        assert await rule.permits(action, asked, SUBJECT, SECONDS) == Permission(allowed=True)
        refused = await rule.permits(action, other, SUBJECT, SECONDS)
        assert refused == Permission(allowed=False, reason="This rule asks for other people than you.")


async def test_the_requester_may_take_it_back_and_not_decide(rule: OpaVoteRule) -> None:
    requester = actor(HELD.draft.requester.identity, HELD.draft.requester_person or "", group())
    assert (await rule.permits(Action.CANCEL, requester, SUBJECT, SECONDS)).allowed
    refused = await rule.permits(Action.APPROVE, requester, SUBJECT, SECONDS)
    assert refused == Permission(
        allowed=False, reason="You asked for this yourself, so somebody else has to decide."
    )


async def test_a_stranger_may_not_look(rule: OpaVoteRule) -> None:
    stranger = actor(Identity("https://issuer.example", "mallory"), "")
    refused = await rule.permits(Action.VIEW, stranger, SUBJECT, SECONDS)
    assert refused == Permission(allowed=False, reason="The directory doesn't know you.")
