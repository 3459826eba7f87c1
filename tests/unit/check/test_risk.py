"""`risk: high` asks for strong sign-ins, when the vote is taken and again when it is used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.answer import Kind
from authz.domain.errors import VoteRefused
from authz.domain.sign_in import SignInRules
from tests.unit.check.world import AGAIN, HOLD, World, body, demanding, status

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
