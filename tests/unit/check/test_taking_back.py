"""DELETE of a ticket: the requester takes it back, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind, Respond
from authz.domain.errors import PolicyUnavailable
from authz.domain.identity import Identity, Principal
from authz.domain.problems import Problem
from authz.domain.ticket import Choice, Ending, State, Ticket
from authz.services.check.requesters import Requesters
from authz.services.permissions import Action
from authz.services.ports import Loaded
from tests.support.gated_requests import ISSUER, sent_by
from tests.support.memory_store import MemoryStore
from tests.support.operators_rule import OperatorsRule
from tests.unit.check.own import ticket_request
from tests.unit.check.world import (
    AGAIN,
    HOLD,
    JWT,
    World,
    allow_when_approved,
    body,
    demanding,
    retry,
    status,
)

ALICE = {"ns": ISSUER, "id": "alice-1"}


async def delete(world: World, token: str, **changes: Any) -> Any:  # noqa: ANN401 - an Outcome, looked into
    """Send alice's DELETE, or somebody else's."""
    return await world.check(ticket_request(token, "DELETE", **changes), token)


async def test_a_pending_one_is_cancelled(world: World) -> None:
    """Told as its status, with who did it; the request is then over."""
    token = await world.held()
    outcome = await delete(world, token)
    assert (status(outcome), outcome.kind, outcome.detail) == (200, Kind.ANSWER, "taking back")
    assert (body(outcome)["state"], body(outcome)["ended_by"]) == ("cancelled", "alice")
    assert "token" not in body(outcome)
    ended = world.ticket(token)
    assert ended.ending == Ending(Identity(ISSUER, "alice-1"), "alice", "alice", "request", "")
    assert ended.state is State.CANCELLED
    assert len(world.policy.asked) == 1  # for the hold alone
    again = await world.check(AGAIN, token)
    assert (status(again), body(again)["type"]) == (403, Problem.CANCELLED.value.uri)


async def test_an_approved_one_is_revoked(world: World) -> None:
    """DELETE means that it is to let nothing through any more, whoever was quicker."""
    world.policy.result = allow_when_approved
    token = await world.approved()
    outcome = await delete(world, token)
    assert (status(outcome), body(outcome)["state"]) == (200, "revoked")
    assert (await world.check(AGAIN, token)).kind is Kind.REFUSE


async def test_control_without_it_the_approved_request_passes(world: World) -> None:
    world.policy.result = allow_when_approved
    assert (await world.check(AGAIN, await world.approved())).kind is Kind.ALLOW


@pytest.mark.parametrize("approved", [False, True])
async def test_the_same_once_more_is_no_error_and_changes_nothing(world: World, approved: bool) -> None:
    """An answer may have been lost."""
    token = await (world.approved() if approved else world.held())
    first = await delete(world, token)
    ended = world.ticket(token)
    world.memory.now += 60_000
    assert (await delete(world, token)).answer == first.answer
    assert world.ticket(token) == ended


@pytest.mark.parametrize("end", ["rejected", "expired", "used_up", "lapsed", "superseded"])
async def test_one_that_is_over_says_how(world: World, end: str) -> None:
    """409: there is nothing to take back, and a client must not believe that there was."""
    world.policy.result = allow_when_approved
    token = await (world.approved() if end in {"used_up", "lapsed"} else world.held())
    if end == "rejected":
        await world.vote(token, "bob", Choice.REJECT, "no")
    elif end == "used_up":
        await world.check(AGAIN, token)
    elif end == "superseded":
        world.change(token, state=State.SUPERSEDED, replaced_by="0-" + "a" * 26)
    else:
        world.memory.now += 10**9
    before = world.ticket(token)
    outcome = await delete(world, token)
    assert (status(outcome), body(outcome)["type"]) == (409, Problem.TICKET_OVER.value.uri)
    assert body(outcome)["state"] == end
    assert world.ticket(token) == before


STRANGERS: list[dict[str, Any]] = [
    {"claims": sent_by("dave")},
    {"claims": sent_by("bob")},
    {"claims": {}},
    {"claims": {}, "source_principal": "alice-1"},
]


@pytest.mark.parametrize("changes", STRANGERS)
@pytest.mark.parametrize("state", ["pending", "approved", "cancelled", "rejected"])
async def test_another_principal_is_told_nothing(world: World, state: str, changes: dict[str, Any]) -> None:
    """Not even with the token; the answer is a forged token's."""
    token = await (world.approved() if state == "approved" else world.held())
    if state == "cancelled":
        await delete(world, token)
    elif state == "rejected":
        await world.vote(token, "bob", Choice.REJECT, "no")
    before = world.ticket(token)
    outcome = await delete(world, token, **changes)
    forged = await world.check(ticket_request(token, "DELETE"), token[:-2] + "-A")
    assert outcome.answer == forged.answer
    assert status(outcome) == 403
    assert world.ticket(token) == before


async def test_control_without_the_comparison_a_stranger_takes_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is the comparison that keeps them from it."""
    token = await world.held()
    alice = world.ticket(token).draft.requester
    monkeypatch.setattr(Requesters, "verified", lambda _self, _request: alice)
    assert status(await delete(world, token, claims=sent_by("dave"))) == 200


async def test_a_stranger_who_slipped_through_the_comparison_meets_the_rule_of_the_domain(
    world: World,
) -> None:
    """As on the page: only who asked takes a request back."""

    class Alike(Identity):
        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = Identity.__hash__

    token = await world.held()
    mallory = Principal(Alike(ISSUER, "mallory-1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Requesters, "verified", lambda _self, _request: mallory)
        assert status(await delete(world, token)) == 403
    assert world.ticket(token).state is State.PENDING


async def test_where_only_the_policy_knows_who_asks_it_is_asked(world: World) -> None:
    """Whatever else it says of a path that it doesn't know."""
    world.sources = ["policy"]
    for result in ({"allowed": False, "requester": ALICE}, {"allowed": True, "requester": ALICE}):
        world.memory.tickets.clear()
        world.policy.result = {**HOLD, "requester": ALICE}
        token = await world.held()
        world.policy.result = result
        asked = len(world.policy.asked)
        outcome = await delete(world, token, claims={})
        assert (status(outcome), body(outcome)["state"]) == (200, "cancelled")
        assert len(world.policy.asked) == asked + 1
        assert "hg1." not in str(world.policy.asked[-1])


@pytest.mark.parametrize(
    "result", [False, {"allowed": True}, {"allowed": True, "requester": {"ns": ISSUER, "id": "dave-1"}}]
)
async def test_whom_the_policy_does_not_name_is_a_stranger(world: World, result: object) -> None:
    """Saying yes isn't naming."""
    world.sources = ["policy"]
    world.policy.result = {**HOLD, "requester": ALICE}
    token = await world.held()
    world.policy.result = result
    outcome = await delete(world, token, claims={})
    assert (status(outcome), body(outcome)["type"]) == (403, Problem.REFUSED.value.uri)
    assert world.ticket(token).state is State.PENDING


@pytest.mark.parametrize("result", [PolicyUnavailable("down"), {"allowed": "yes"}])
async def test_a_policy_that_names_nobody_for_lack_of_an_answer_is_an_outage(
    world: World, result: object
) -> None:
    """Never a refusal, which would be final."""
    world.sources = ["policy"]
    world.policy.result = {**HOLD, "requester": ALICE}
    token = await world.held()
    world.policy.result = result
    assert status(await delete(world, token, claims={})) == 503
    assert world.ticket(token).state is State.PENDING


async def test_a_source_after_the_policy_counts_where_that_names_nobody(world: World) -> None:
    """In the settings' order, as for a redemption."""
    world.sources = ["policy", JWT]
    token = await world.held()
    world.policy.result = False
    assert status(await delete(world, token)) == 200


async def test_nobody_in_particular_takes_back_what_nobody_in_particular_asked(world: World) -> None:
    """There the token is all that there is, as for the redemption."""
    world.anonymous = True
    world.sources = []
    token = await world.held()
    assert status(await delete(world, token, claims={})) == 200


@pytest.mark.parametrize(("approved", "action"), [(False, Action.CANCEL), (True, Action.REVOKE)])
async def test_the_operators_rule_may_forbid_it(world: World, approved: bool, action: Action) -> None:
    """And only that action is asked about."""
    rule = OperatorsRule()
    world.rule = rule
    rule.denied.add(action)
    rule.reason = "ask the release manager"
    token = await (world.approved() if approved else world.held())
    rule.asked.clear()
    before = world.ticket(token)
    outcome = await delete(world, token)
    assert (status(outcome), body(outcome)["type"]) == (403, Problem.CANCEL_NOT_PERMITTED.value.uri)
    assert body(outcome)["reason"] == "ask the release manager"
    assert rule.asked == [action]
    assert world.ticket(token) == before


async def test_a_rule_without_an_answer_is_an_outage(world: World) -> None:
    rule = OperatorsRule()
    world.rule = rule
    token = await world.held()
    rule.error = PolicyUnavailable("down")
    assert status(await delete(world, token)) == 503
    assert world.ticket(token).state is State.PENDING


class Overtaken(MemoryStore):
    """Somebody else acts on the ticket just before `end`, once for each of `first`."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[dict[str, Any]] = []

    async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:
        if self.first:
            ticket: Ticket = self.tickets[ticket_id]
            changes = {"rev": ticket.rev + 1, "window_until": self.now + 1000, **self.first.pop(0)}
            for name, value in changes.items():
                object.__setattr__(ticket, name, value)
        return await super().end(ticket_id, rev, state, ending)


@pytest.mark.parametrize(
    ("first", "expected", "told"),
    [
        ({"state": State.APPROVED}, 200, "revoked"),
        ({"state": State.CANCELLED}, 200, "cancelled"),
        ({"state": State.USED_UP}, 409, "used_up"),
        ({}, 200, "cancelled"),
    ],
)
async def test_somebody_elses_action_in_between_is_seen(
    world: World, first: dict[str, Any], expected: int, told: str
) -> None:
    """Approved just then: what was wished is still that nothing passes."""
    store = Overtaken()
    world.memory = store
    token = await world.held()
    store.first = [first]
    outcome = await delete(world, token)
    assert (status(outcome), body(outcome)["state"]) == (expected, told)


async def test_a_ticket_that_is_gone_meanwhile_is_unknown(world: World) -> None:
    """As any other that isn't there."""

    class Forgetful(MemoryStore):
        async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:  # noqa: ARG002 - the port's
            del self.tickets[ticket_id]
            return None

    world.memory = Forgetful()
    token = await world.held()
    assert status(await delete(world, token)) == 403


async def test_the_one_who_asked_keeps_the_vote_out_of_it(world: World) -> None:
    """A vote that was given doesn't keep the requester from taking it back, and counts for nothing afterwards."""
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    token = await world.held()
    await world.vote(token, "bob")
    assert body(await delete(world, token))["state"] == "cancelled"
    assert isinstance((await world.check(retry(number=7), token)).answer, Respond)
