"""`risk: high` asks for strong sign-ins, when the vote is taken and again when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from authz.domain.answer import Kind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State
from authz.domain.voting import Ballot
from authz.services.permissions import Action, Permission
from authz.services.voting import SignedIn
from tests.support.gated_requests import ISSUER
from tests.unit.check.test_acting import Rule, acting
from tests.unit.check.world import AGAIN, HOLD, World, body, demanding, headers, status

RISKY = demanding(risk="high")


async def test_a_weak_sign_in_can_not_vote_on_a_high_risk(world: World) -> None:
    world.policy.result = RISKY
    token = await world.held()
    with pytest.raises(VoteRefused) as refused:
        await world.vote(token, "bob")
    assert refused.value.code == "sign-in-too-weak"
    await world.vote(token, "bob", method="strong")
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_votes_of_weak_sign_ins_are_not_enough_where_the_risk_is_high_now(world: World) -> None:
    token = await world.approved()
    world.policy.result = RISKY
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), outcome.detail) == (202, "ticket superseded")
    assert body(outcome)["progress"]["given"] == 0


async def test_control_without_the_rules_they_are(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await world.approved()
    world.policy.result = RISKY
    monkeypatch.setattr(SignInRules, "meets", lambda *_: True)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_a_vote_counts_by_its_age_when_it_was_given(world: World) -> None:
    """Not by how long ago that is: an approval may wait for its retry."""
    world.policy.result = RISKY
    token = await world.held()
    await world.vote(token, "bob", method="strong")
    world.memory.now += 10 * 60_000
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_an_old_sign_in_is_a_weak_one(world: World) -> None:
    token = await world.held()
    await world.vote(token, "bob", method="strong")
    ticket = world.ticket(token)
    (vote,) = ticket.votes
    world.change(token, votes=(replace(vote, signed_in_at=vote.at - 5 * 60_000 - 1),))
    world.policy.result = RISKY
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"
    world.policy.result = HOLD


async def test_who_signed_in_too_weakly_for_now_is_not_named_to_the_upstream(world: World) -> None:
    """Their vote didn't count; control: with rules that anything meets they are named."""
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    token = await world.held()
    await world.vote(token, "bob")
    await world.vote(token, "carol", method="strong")
    world.policy.result = RISKY
    named = headers(await world.check(AGAIN, token))["x-approval-by"]
    assert ("carol-1" in named, "bob-1" in named) == (True, False)


async def test_control_where_any_sign_in_will_do_both_are_named(world: World) -> None:
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    token = await world.approved(None, "bob", "carol")
    named = headers(await world.check(AGAIN, token))["x-approval-by"]
    assert "carol-1" in named
    assert "bob-1" in named


class SlowRule(Rule):
    """Says yes after a while, by the clock of the store."""

    def __init__(self, world: World, takes_ms: int) -> None:
        super().__init__()
        self._world = world
        self._takes_ms = takes_ms

    async def permits(
        self, action: Action, actor: Actor, subject: Mapping[str, object], timeout: float
    ) -> Permission:
        self._world.memory.now += self._takes_ms
        return await super().permits(action, actor, subject, timeout)


async def strong_vote(world: World, token: str, *, left_ms: int, takes_ms: int) -> None:
    """Have bob vote with a sign-in that is recent for so much longer, while the rule takes its time."""
    signed_in = SignedIn(
        Identity(ISSUER, "bob-1"), "bob", "strong", world.memory.now - world.sign_in.max_age_ms + left_ms
    )
    ticket = world.ticket(token)
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    await acting(world, SlowRule(world, takes_ms)).vote(ticket.id, signed_in, ballot)


async def test_a_vote_is_judged_by_the_time_it_gets(world: World) -> None:
    """Not by when the ticket was read: what is recorded counts, to the last moment, and what wouldn't isn't."""
    world.policy.result = RISKY
    token = await world.held()
    with pytest.raises(VoteRefused) as late:
        await strong_vote(world, token, left_ms=9, takes_ms=10)
    assert (late.value.code, world.ticket(token).votes) == ("sign-in-too-weak", ())
    await strong_vote(world, token, left_ms=10, takes_ms=10)
    assert world.ticket(token).state is State.APPROVED
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_control_without_that_a_ticket_is_approved_by_a_vote_that_does_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy.result = RISKY
    token = await world.held()
    monkeypatch.setattr(SignInRules, "counts_until", lambda *_: None)
    await strong_vote(world, token, left_ms=9, takes_ms=10)
    assert world.ticket(token).state is State.APPROVED
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"


async def test_a_normal_risk_is_no_matter_of_time(world: World) -> None:
    token = await world.held()
    await strong_vote(world, token, left_ms=-1_000_000, takes_ms=10)
    assert world.ticket(token).state is State.APPROVED


@pytest.mark.parametrize(
    ("age", "met"), [(-60_001, False), (-60_000, True), (0, True), (300_000, True), (300_001, False)]
)
def test_a_sign_in_is_recent_and_not_of_the_future(age: int, met: bool) -> None:
    """A clock that is an hour ahead must not make it recent for an hour longer."""
    rules = SignInRules(frozenset({"strong"}))
    assert rules.meets(Risk.HIGH, "strong", 1_000_000 - age, 1_000_000) is met
    assert rules.meets(Risk.NORMAL, "weak", 1_000_000 - age, 1_000_000)


def test_the_last_moment_is_the_one_at_which_it_still_meets() -> None:
    rules = SignInRules(frozenset({"strong"}), max_age_ms=1000)
    assert rules.counts_until(Risk.NORMAL, 500) is None
    until = rules.counts_until(Risk.HIGH, 500)
    assert until == 1500
    assert rules.meets(Risk.HIGH, "strong", 500, until)
    assert not rules.meets(Risk.HIGH, "strong", 500, until + 1)
