"""The same vote again changes nothing, and tells nothing to whom the operator's rule refuses by now."""

from __future__ import annotations

import pytest

from authz.domain.errors import VoteRefused
from authz.domain.ticket import Choice, Ticket
from authz.domain.voting import Ballot
from authz.services.permissions import Action, Permission
from authz.services.voting import VotingService
from tests.unit.check.test_acting import Rule, acting, refused, who
from tests.unit.check.world import World, demanding

TWO = demanding(approvers=[{"group": "sre", "count": 2}])
NO = Permission(allowed=False, reason="You are on leave.")


async def voted(world: World, *names: str) -> Ticket:
    """Hold a request that wants two, and have these vote for it."""
    world.policy.result = TWO
    token = await world.held()
    for name in names:
        await world.vote(token, name)
    return world.ticket(token)


def again(ticket: Ticket, choice: Choice = Choice.APPROVE) -> Ballot:
    return Ballot(choice, "", ticket.draft.fingerprint.payload_digest)


async def test_the_same_vote_again_changes_nothing(world: World) -> None:
    """And the rule is asked about it."""
    ticket = await voted(world, "bob")
    rule = Rule()
    loaded = await acting(world, rule).vote(ticket.id, who(world, "bob"), again(ticket))
    assert loaded.ticket == ticket == world.memory.tickets[ticket.id]
    assert [action for action, _, _ in rule.asked] == [Action.APPROVE]


@pytest.mark.parametrize("names", [("bob",), ("bob", "carol")])
@pytest.mark.parametrize("choice", Choice)
async def test_who_may_no_longer_vote_learns_nothing_of_the_ticket(
    world: World, names: tuple[str, ...], choice: Choice
) -> None:
    """Neither that their vote is there, nor whether the ticket is decided: one answer for all of it."""
    ticket = await voted(world, *names)
    with pytest.raises(VoteRefused) as no:
        await acting(world, Rule(NO)).vote(ticket.id, who(world, "bob"), again(ticket, choice))
    assert (no.value.code, str(no.value)) == ("not-permitted", "You are on leave.")


async def test_control_without_the_question_they_get_the_ticket(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await voted(world, "bob", "carol")

    async def unasked(*_: object) -> None:
        pass

    monkeypatch.setattr(VotingService, "_permit", unasked)
    service = acting(world, Rule(NO))
    assert (await service.vote(ticket.id, who(world, "bob"), again(ticket))).ticket == ticket
    assert await refused(service.vote(ticket.id, who(world, "bob"), again(ticket, Choice.REJECT))) == (
        "already-decided"
    )


@pytest.mark.parametrize("name", ["alice", "dave", "mallory"])
async def test_the_rule_is_not_asked_about_whom_the_code_refuses_anyway(world: World, name: str) -> None:
    """A stranger can't make questions to OPA by guessing."""
    ticket = await voted(world, "bob")
    rule = Rule()
    assert await refused(acting(world, rule).vote(ticket.id, who(world, name), again(ticket)))
    assert not rule.asked
