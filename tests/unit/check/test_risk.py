"""`risk: high` asks for strong sign-ins, when the vote is taken and again when it is used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.answer import Kind
from authz.domain.errors import VoteRefused
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
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


@pytest.mark.parametrize(
    ("age", "met"), [(-60_001, False), (-60_000, True), (0, True), (300_000, True), (300_001, False)]
)
def test_a_sign_in_is_recent_and_not_of_the_future(age: int, met: bool) -> None:
    """A clock that is an hour ahead must not make it recent for an hour longer."""
    rules = SignInRules(frozenset({"strong"}))
    assert rules.meets(Risk.HIGH, "strong", 1_000_000 - age, 1_000_000) is met
    assert rules.meets(Risk.NORMAL, "weak", 1_000_000 - age, 1_000_000)
