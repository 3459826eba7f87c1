"""Where only the policy can say who asks: nothing of a ticket is told before it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.request import CheckId
from authz.domain.ticket import Choice, State
from authz.services.check import telling
from authz.services.check.requesters import Requesters
from tests.support.gated_requests import gated, sent_by
from tests.unit.check.world import DEMAND, HOLD, JWT, World, body, retry, status

ALICE = {"ns": "https://idp.example", "id": "alice-1"}
DAVE = {"ns": "https://idp.example", "id": "dave-1"}
OTHER_ISSUER = {"ns": "https://other.example", "id": "alice-1"}
REQUEST = gated(claims={})
AGAIN = replace(REQUEST, check_id=CheckId("2", 2))


@pytest.fixture
def world() -> World:
    found = World(sources=["policy"])
    found.policy.result = named(ALICE)
    return found


def named(who: object, **more: object) -> dict[str, Any]:
    return HOLD | {"requester": who} | more


def allowed_for(who: object) -> Callable[[Mapping[str, object]], object]:
    return lambda document: {"allowed": True, "requester": who} if "approval" in document else named(who)


async def test_who_was_named_then_and_now_passes(world: World) -> None:
    """By a satisfied hold and by an allow."""
    for result in (named(ALICE), allowed_for(ALICE)):
        world.memory.tickets.clear()
        world.policy.result = named(ALICE)
        token = await world.approved(REQUEST)
        world.policy.result = result
        assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


STRANGERS: list[object] = [
    named(DAVE),
    named(OTHER_ISSUER),
    HOLD,
    True,
    False,
    {"allowed": True},
    {"allowed": True, "requester": DAVE},
    {"allowed": False, "requester": DAVE, "body": "no"},
]


@pytest.mark.parametrize("result", STRANGERS)
@pytest.mark.parametrize("state", ["pending", "approved", "rejected", "expired", "used up", "changed", "cut"])
async def test_a_stranger_gets_the_one_refusal_whatever_the_ticket_is(
    world: World, state: str, result: object
) -> None:
    """Nobody named counts as a stranger, too; what the policy says of the request itself stays unsaid."""
    token = await world.held(REQUEST) if state in {"pending", "rejected"} else await world.approved(REQUEST)
    request = AGAIN
    if state == "rejected":
        await world.vote(token, "bob", Choice.REJECT, "no")
    elif state == "expired":
        world.memory.now += 10**9
    elif state == "used up":
        await world.check(replace(REQUEST, check_id=CheckId("9", 9)), token)
    elif state == "changed":
        request = replace(AGAIN, path="/other")
    elif state == "cut":
        request = replace(AGAIN, partial=True)
    before = world.ticket(token)
    world.policy.result = result
    outcome = await world.check(request, token)
    assert outcome == telling.REFUSED
    assert world.ticket(token) == before


@pytest.mark.parametrize(
    ("changes", "expected"), [({"path": "/other"}, 409), ({"partial": True}, 413), ({"body_limit": 0}, 413)]
)
async def test_the_requester_is_told_what_is_wrong(
    world: World, changes: dict[str, Any], expected: int
) -> None:
    """After the policy has named them; it saw no approval of another request."""
    token = await world.approved(REQUEST)
    outcome = await world.check(replace(AGAIN, **changes), token)
    assert status(outcome) == expected
    assert "approval" not in world.policy.asked[-1]
    assert world.ticket(token).state is State.APPROVED


async def test_the_requester_is_told_how_it_ended(world: World) -> None:
    """As with any other source."""
    token = await world.held(REQUEST)
    await world.vote(token, "bob", Choice.REJECT, "freeze")
    assert body(await world.check(AGAIN, token))["comment"] == "freeze"


async def test_a_stranger_would_pass_without_the_comparison(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the allow itself is there."""
    token = await world.approved(REQUEST)
    world.policy.result = allowed_for(DAVE)
    alice = world.ticket(token).draft.requester
    assert await world.check(AGAIN, token) == telling.REFUSED
    monkeypatch.setattr(Requesters, "asking", lambda _self, _request, _named: alice)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_where_the_policy_is_no_source_it_names_nobody(world: World) -> None:
    """Its `requester` is then just a key."""
    token = await world.approved(REQUEST)
    world.sources = [JWT]
    asked = len(world.policy.asked)
    assert await world.check(AGAIN, token) == telling.REFUSED
    assert len(world.policy.asked) == asked


async def test_a_source_after_the_policy_counts_where_nobody_was_named(world: World) -> None:
    """In the order of the settings, at hold and at redemption alike."""
    world.sources = ["policy", JWT]
    world.policy.result = HOLD
    token = await world.approved(gated())
    assert (await world.check(replace(gated(), check_id=CheckId("2", 2)), token)).kind is Kind.ALLOW
    assert world.policy.result["approval"] == DEMAND


async def test_where_a_verified_source_comes_first_a_foreign_ticket_costs_no_question(world: World) -> None:
    """The policy could name nobody else then."""
    world.sources = [JWT, "policy"]
    token = await world.held()
    asked = len(world.policy.asked)
    outcome = await world.check(retry(gated(claims=sent_by("bob"))), token)
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, "ticket refused")
    assert len(world.policy.asked) == asked
