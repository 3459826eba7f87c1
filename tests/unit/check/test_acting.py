"""What people do to tickets besides voting: withdraw, cancel, revoke; and the operator's rule about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from authz.domain import voting
from authz.domain.answer import Kind
from authz.domain.errors import PolicyUnavailable, VoteRefused
from authz.domain.identity import Actor, Identity
from authz.domain.ticket import Choice, State
from authz.domain.voting import COMMENT_MAX, WITHDRAWALS_PER_PERSON_MAX, Ballot
from authz.services.permissions import Action, BuiltInRule, Permission, VoteRule
from authz.services.ports import Loaded
from authz.services.voting import RELOADS_MAX, SignedIn, TooContended, VotingService
from tests.support.gated_requests import ISSUER
from tests.support.memory_store import MemoryStore
from tests.unit.check.world import AGAIN, GROUPS, World, body, demanding, status

TWO = demanding(approvers=[{"group": "sre", "count": 2}])


class Rule:
    """Says what a test wants; `asked` has every question."""

    def __init__(self, answer: Permission | Exception = Permission(allowed=True)) -> None:  # noqa: B008 - frozen
        self.answer = answer
        self.asked: list[tuple[Action, Actor, Mapping[str, object]]] = []

    async def permits(
        self,
        action: Action,
        actor: Actor,
        subject: Mapping[str, object],
        timeout: float,  # noqa: ARG002 - answers at once
    ) -> Permission:
        self.asked.append((action, actor, subject))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def acting(world: World, rule: VoteRule | None = None) -> VotingService:
    return VotingService(world.memory, world.people, rule or BuiltInRule(), world.sign_in, timeout=1)


def who(world: World, name: str, ns: str = ISSUER) -> SignedIn:
    return SignedIn(Identity(ns, f"{name}-1"), name, "demo", world.memory.now)


async def test_a_withdrawn_vote_counts_no_more(world: World) -> None:
    """And may be given again."""
    world.policy.result = TWO
    token = await world.held()
    await world.vote(token, "bob")
    await acting(world).withdraw(world.ticket(token).id, who(world, "bob"))
    await world.vote(token, "carol")
    assert body(await world.check(AGAIN, token))["progress"] == {"given": 1, "needed": 2, "awaiting": ["sre"]}
    await world.vote(token, "bob")
    assert world.ticket(token).state is State.APPROVED


async def test_only_ones_own_vote_on_a_pending_ticket_can_be_withdrawn(world: World) -> None:
    token = await world.held()
    for name, code in (("carol", "not-voted"), ("mallory", "not-voted")):
        assert await refused(acting(world).withdraw(world.ticket(token).id, who(world, name))) == code
    await world.vote(token, "bob")
    assert (
        await refused(acting(world).withdraw(world.ticket(token).id, who(world, "bob"))) == "already-decided"
    )


async def test_withdrawals_have_an_end(world: World) -> None:
    """Each is an event and a card to update. Who can't decide leaves the others room to."""
    world.policy.result = TWO
    token = await world.held()
    for _ in range(WITHDRAWALS_PER_PERSON_MAX):
        await world.vote(token, "bob")
        await acting(world).withdraw(world.ticket(token).id, who(world, "bob"))
    await world.vote(token, "carol")
    await acting(world).withdraw(world.ticket(token).id, who(world, "carol"))
    await world.vote(token, "bob")
    code = await refused(acting(world).withdraw(world.ticket(token).id, who(world, "bob")))
    assert code == "too-many-withdrawals"


async def test_the_requester_takes_a_request_back(world: World) -> None:
    token = await world.held()
    ended = await acting(world).cancel(world.ticket(token).id, who(world, "alice"), "not needed")
    assert ended.ticket.state is State.CANCELLED
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), body(outcome)["type"]) == (403, "urn:holdgate:problem:cancelled")
    assert (body(outcome)["ended_by"], body(outcome)["comment"]) == ("alice", "not needed")


async def test_nobody_else_takes_a_request_back_and_nobody_after_the_decision(world: World) -> None:
    token = await world.held()
    ticket = world.ticket(token).id
    assert await refused(acting(world).cancel(ticket, who(world, "bob"), "")) == "not-your-request"
    await world.vote(token, "bob")
    assert await refused(acting(world).cancel(ticket, who(world, "alice"), "")) == "already-decided"


@pytest.mark.parametrize("name", ["bob", "carol", "alice"])
async def test_a_grant_is_revoked_by_who_may_approve_or_by_the_requester(world: World, name: str) -> None:
    token = await world.approved()
    await acting(world).revoke(world.ticket(token).id, who(world, name), "changed my mind")
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), body(outcome)["type"]) == (403, "urn:holdgate:problem:revoked")
    assert body(outcome)["ended_by"] == name


async def test_a_grant_is_nobody_elses_to_revoke(world: World) -> None:
    token = await world.approved()
    ticket = world.ticket(token).id
    for name in ("dave", "mallory"):
        assert await refused(acting(world).revoke(ticket, who(world, name), "")) == "not-an-approver"
    too_long = "x" * (COMMENT_MAX + 1)
    assert await refused(acting(world).revoke(ticket, who(world, "bob"), too_long)) == "comment-too-long"
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW
    assert await refused(acting(world).revoke(ticket, who(world, "bob"), "")) == "not-approved"


async def test_the_rule_is_asked_at_each_action_with_what_it_is_about(world: World) -> None:
    rule = Rule()
    world.policy.result = TWO
    token = await world.held()
    ticket = world.ticket(token)
    service = acting(world, rule)
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    await service.vote(ticket.id, who(world, "bob"), ballot)
    await service.withdraw(ticket.id, who(world, "bob"))
    await service.cancel(ticket.id, who(world, "alice"), "")
    assert [action for action, _, _ in rule.asked] == [Action.APPROVE, Action.WITHDRAW, Action.CANCEL]
    subject: dict[str, Any] = dict(rule.asked[1][2])
    (vote,) = subject.pop("votes")
    assert (vote["choice"], vote["by"]["person"], vote["by"]["groups"]) == ("approve", "bob", ["sre"])
    assert subject == {
        "id": ticket.id,
        "rule": "delete-production",
        "rules": ["delete-production"],
        "reason": "deletes a production resource",
        "state": "pending",
        "requester": {"ns": ISSUER, "id": "alice-1", "name": "alice", "person": "alice"},
        "approvers": [[{"group": "sre", "count": 2}]],
        "risk": "normal",
        "method": "DELETE",
        "host": "api.example",
        "path": "/resources/db-orders",
    }


async def test_a_rule_that_says_no_stops_what_the_code_would_allow(world: World) -> None:
    """With its reason; and without an answer nothing happens either."""
    token = await world.held()
    ticket = world.ticket(token)
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    service = acting(world, Rule(Permission(allowed=False, reason="Not on a Friday.")))
    with pytest.raises(VoteRefused, match="Not on a Friday") as no:
        await service.vote(ticket.id, who(world, "bob"), ballot)
    assert no.value.code == "not-permitted"
    with pytest.raises(PolicyUnavailable):
        await acting(world, Rule(PolicyUnavailable("down"))).vote(ticket.id, who(world, "bob"), ballot)
    assert world.ticket(token).votes == ()


async def test_a_rule_that_says_yes_does_not_undo_the_code(world: World) -> None:
    token = await world.held()
    ticket = world.ticket(token)
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    for name, code in (("alice", "own-request"), ("dave", "not-an-approver"), ("mallory", "unknown-person")):
        assert await refused(acting(world, Rule()).vote(ticket.id, who(world, name), ballot)) == code


async def test_who_may_look(world: World) -> None:
    """Whom the ticket asks, the requester, and whose vote is there, less whom the rule shuts out."""
    token = await world.held()
    loaded = Loaded(world.ticket(token), world.memory.now)
    world.people.strangers = {"alice"}
    service = acting(world)
    seen = {
        name: await service.may_view(await service.actor(who(world, name)), loaded)
        for name in ("alice", "bob", "dave", "mallory")
    }
    assert seen == {"alice": True, "bob": True, "dave": False, "mallory": False}
    shut = acting(world, Rule(Permission(allowed=False)))
    assert not await shut.may_view(await shut.actor(who(world, "bob")), loaded)
    opened = acting(world, Rule())
    assert await opened.may_view(await opened.actor(who(world, "dave")), loaded)
    assert not await opened.may_view(await opened.actor(who(world, "mallory")), loaded)


async def test_who_left_the_group_may_take_their_vote_back_and_not_vote_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy.result = TWO
    token = await world.held()
    await world.vote(token, "bob")
    monkeypatch.setitem(GROUPS, "bob", ["sales"])
    ticket, bob = world.ticket(token), who(world, "bob")
    service = acting(world)
    assert await service.may_view(await service.actor(bob), Loaded(ticket, world.memory.now))
    await service.withdraw(ticket.id, bob)
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    assert await refused(service.vote(ticket.id, bob, ballot)) == "not-an-approver"


async def test_actions_give_up_when_others_keep_changing_the_ticket(world: World) -> None:
    class Busy(MemoryStore):
        async def end(self, *_args: object) -> Loaded | None:
            self.calls.append("end")
            return None

    world.memory = Busy()
    token = await world.held()
    with pytest.raises(TooContended):
        await acting(world).cancel(world.ticket(token).id, who(world, "alice"), "")
    assert world.memory.calls.count("end") == RELOADS_MAX


async def test_votes_that_can_not_be_told_apart_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two accounts of two kinds, and nothing that says whose they are; control: without the check both count."""
    world.policy.result = TWO
    token = await world.held()
    await world.vote(token, "bob")
    (vote,) = world.ticket(token).votes
    world.change(token, votes=(replace(vote, identity=Identity("slack", "bob"), linked=False),))
    with pytest.raises(VoteRefused) as apart:
        await world.vote(token, "carol")
    assert apart.value.code == "unlinked-namespace"
    monkeypatch.setattr(voting, "_check_told_apart", lambda *_: None)
    await world.vote(token, "carol")
    assert [vote.identity.ns for vote in world.ticket(token).votes] == ["slack", ISSUER]


async def refused(action: Any) -> str:  # noqa: ANN401 - any action
    with pytest.raises(VoteRefused) as error:
        await action
    return error.value.code


async def test_the_rule_is_asked_before_somebody_gets_a_ticket(world: World) -> None:
    """Its reason goes to the requester; nothing is stored."""
    world.rule = rule = Rule(Permission(allowed=False, reason="Ask your lead first."))
    outcome = await world.check()
    assert (status(outcome), body(outcome)["type"]) == (403, "urn:holdgate:problem:not-permitted")
    assert body(outcome)["reason"] == "Ask your lead first."
    assert not world.memory.tickets
    ((action, actor, subject),) = rule.asked
    assert (action, actor.identity.id, actor.signed_in_at) == (Action.REQUEST, "alice-1", 0)
    assert (subject["state"], subject["votes"]) == ("pending", [])


async def test_the_rule_is_asked_before_a_glass_is_broken(world: World) -> None:
    world.policy.result = {
        "allowed": True,
        "approval": {"break_glass": {"group": "sre", "review_within": "24h"}},
    }
    world.rule = rule = Rule(Permission(allowed=False))
    outcome = await world.check()
    assert (status(outcome), outcome.detail) == (403, "not_permitted")
    assert "reason" not in body(outcome)
    assert not world.reviews.kept
    assert rule.asked[0][0] is Action.BREAK_GLASS
    rule.answer = Permission(allowed=True)
    assert (await world.check()).kind is Kind.ALLOW


async def test_the_rule_is_not_asked_about_plain_decisions(world: World) -> None:
    """A plain allow costs no second question."""
    world.rule = rule = Rule()
    for result in (True, False):
        world.policy.result = result
        await world.check()
    assert not rule.asked
