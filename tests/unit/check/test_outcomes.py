"""What log, metrics and dynamic metadata are told of every answer: which ticket, which rule, whose, which decision."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from authz.domain.answer import Kind
from authz.domain.ticket import Choice, State
from authz.services.check.call import Outcome
from tests.support.gated_requests import gated
from tests.unit.check.world import AGAIN, HOLD, World, demanding, retry

ALICE = "https%3A%2F%2Fidp.example:alice-1"
RULE = "delete-production"
SAID = {"seen_by": "the policy"}
GLASS = {"break_glass": {"group": "sre", "review_within": "24h"}}
STRONGER = demanding(approvers=[{"group": "sre", "count": 2}])
Situation = Callable[[World], Awaitable[tuple[Outcome, str]]]


def saying(result: Mapping[str, object] | bool) -> dict[str, object]:
    """Return the same result with dynamic metadata."""
    document = {"allowed": result} if isinstance(result, bool) else dict(result)
    return {**document, "dynamic_metadata": SAID}


async def new(world: World) -> tuple[Outcome, str]:
    world.policy.result = saying(HOLD)
    outcome = await world.check()
    return outcome, outcome.ticket_id


async def same(world: World) -> tuple[Outcome, str]:
    ticket = world.ticket(await world.held()).id
    return (await new(world))[0], ticket


async def after(world: World, token: str, result: Mapping[str, object] | bool) -> tuple[Outcome, str]:
    world.policy.result = saying(result)
    return await world.check(AGAIN, token), world.ticket(token).id


async def pending(world: World) -> tuple[Outcome, str]:
    return await after(world, await world.held(), HOLD)


async def redeemed(world: World) -> tuple[Outcome, str]:
    return await after(world, await world.approved(), HOLD)


async def redeemed_by_an_allow(world: World) -> tuple[Outcome, str]:
    return await after(world, await world.approved(), result=True)


async def replayed(world: World) -> tuple[Outcome, str]:
    token = await world.approved()
    await world.check(AGAIN, token)
    return await after(world, token, HOLD)


async def denied(world: World) -> tuple[Outcome, str]:
    return await after(world, await world.approved(), result=False)


async def not_needed(world: World) -> tuple[Outcome, str]:
    return await after(world, await world.held(), result=True)


async def replayed_when_more_is_asked(world: World) -> tuple[Outcome, str]:
    token = await world.approved()
    await world.check(AGAIN, token)
    return await after(world, token, STRONGER)


async def superseded(world: World) -> tuple[Outcome, str]:
    outcome, _ = await after(world, await world.approved(), STRONGER)
    return outcome, outcome.ticket_id


@dataclass(frozen=True)
class Expected:
    kind: Kind
    detail: str


ASKED: dict[str, tuple[Situation, Expected]] = {
    "a new ticket": (new, Expected(Kind.HOLD, "new ticket")),
    "the same ticket": (same, Expected(Kind.HOLD, "same ticket")),
    "a pending one": (pending, Expected(Kind.HOLD, "")),
    "a redemption": (redeemed, Expected(Kind.ALLOW, "redeemed")),
    "a redemption by an allow": (redeemed_by_an_allow, Expected(Kind.ALLOW, "redeemed")),
    "a replay": (replayed, Expected(Kind.ALLOW, "replayed")),
    "a denial": (denied, Expected(Kind.DENY, "")),
    "a plain allow": (not_needed, Expected(Kind.ALLOW, "")),
    "a replay that isn't enough": (replayed_when_more_is_asked, Expected(Kind.REFUSE, "replay")),
    "a newer ticket": (superseded, Expected(Kind.HOLD, "ticket superseded")),
}


@pytest.mark.parametrize("name", ASKED)
async def test_an_answer_that_the_policy_was_asked_for_names_ticket_and_decision(
    world: World, name: str
) -> None:
    situation, expected = ASKED[name]
    outcome, ticket = await situation(world)
    assert (outcome.kind, outcome.detail) == (expected.kind, expected.detail)
    assert (outcome.ticket_id, outcome.rule, outcome.principal) == (ticket, RULE, ALICE)
    assert outcome.decision_id == f"decision-{len(world.policy.asked)}"
    assert outcome.metadata == SAID


async def over(world: World) -> tuple[Outcome, str]:
    token = await world.held()
    await world.vote(token, "bob", Choice.REJECT, "freeze")
    return await after(world, token, HOLD)


async def changed(world: World) -> tuple[Outcome, str]:
    token = await world.approved()
    return await world.check(retry(gated(path="/other")), token), world.ticket(token).id


async def replaced(world: World) -> tuple[Outcome, str]:
    token = await world.held()
    world.policy.result = STRONGER
    newer = await world.held()
    world.policy.result = saying(STRONGER)
    return await world.check(AGAIN, token), world.ticket(newer).id


async def lost(world: World) -> tuple[Outcome, str]:
    token = await world.held()
    world.change(token, state=State.SUPERSEDED, replaced_by="")
    return await world.check(AGAIN, token), world.ticket(token).id


UNASKED: dict[str, tuple[Situation, Expected]] = {
    "a rejected one": (over, Expected(Kind.REFUSE, "ticket rejected")),
    "another request": (changed, Expected(Kind.REFUSE, "request changed")),
    "a replaced one": (replaced, Expected(Kind.HOLD, "ticket superseded")),
    "a replaced one without its successor": (lost, Expected(Kind.REFUSE, "ticket superseded")),
}


@pytest.mark.parametrize("name", UNASKED)
async def test_an_answer_without_the_policy_names_the_ticket_and_no_decision(world: World, name: str) -> None:
    situation, expected = UNASKED[name]
    outcome, ticket = await situation(world)
    assert (outcome.kind, outcome.detail) == (expected.kind, expected.detail)
    assert (outcome.ticket_id, outcome.rule, outcome.principal) == (ticket, RULE, ALICE)
    assert (outcome.decision_id, outcome.metadata) == ("", {})


@pytest.mark.parametrize("with_ticket", [True, False])
async def test_break_glass_names_its_review_and_the_decision(world: World, with_ticket: bool) -> None:
    tokens = [await world.held()] if with_ticket else []
    world.policy.result = saying({"allowed": True, "approval": GLASS})
    outcome = await world.check(AGAIN, *tokens)
    (review,) = world.reviews.kept
    assert (outcome.kind, outcome.ticket_id, outcome.rule) == (Kind.ALLOW, review, "break-glass")
    assert (outcome.principal, outcome.metadata) == (ALICE, SAID)
    assert outcome.decision_id == f"decision-{len(world.policy.asked)}"


@pytest.mark.parametrize(("allowed", "kind"), [(True, Kind.ALLOW), (False, Kind.DENY)])
async def test_a_plain_decision_is_named_and_belongs_to_no_ticket(
    world: World, allowed: bool, kind: Kind
) -> None:
    world.policy.result = saying(allowed)
    outcome = await world.check()
    assert outcome == Outcome(kind, outcome.answer, decision_id="decision-1", metadata=SAID)


async def test_a_refused_ticket_names_nothing(world: World) -> None:
    outcome = await world.check(AGAIN, "hg1.k1.forged")
    assert outcome == Outcome(Kind.REFUSE, outcome.answer, detail="ticket refused")


async def test_a_chain_of_replaced_tickets_is_followed_to_its_end(world: World) -> None:
    """But no farther than eight: more would be a ring."""
    tokens = [await world.held(gated(path=f"/{number}")) for number in range(10)]
    for earlier, later in itertools.pairwise(tokens):
        world.change(earlier, state=State.SUPERSEDED, replaced_by=world.ticket(later).id)
    last = world.ticket(tokens[-1]).id
    eight = await world.check(replace(AGAIN, path="/1"), tokens[1])
    assert (eight.kind, eight.ticket_id) == (Kind.HOLD, last)
    nine = await world.check(replace(AGAIN, path="/0"), tokens[0])
    assert (nine.kind, nine.ticket_id) == (Kind.REFUSE, world.ticket(tokens[-2]).id)


async def test_where_only_the_policy_says_who_asks_it_sees_the_approval_and_its_decision_is_named(
    world: World,
) -> None:
    world.sources = ["policy"]
    named = {"requester": {"ns": "https://idp.example", "id": "alice-1"}}
    world.policy.result = {**HOLD, **named}
    token = await world.approved(gated(claims={}))
    world.policy.result = saying({**HOLD, **named})
    outcome = await world.check(retry(gated(claims={})), token)
    assert (outcome.kind, outcome.detail) == (Kind.ALLOW, "redeemed")
    assert world.policy.asked[-1]["approval"]["id"] == outcome.ticket_id == world.ticket(token).id
    assert (outcome.decision_id, outcome.metadata) == (f"decision-{len(world.policy.asked)}", SAID)
