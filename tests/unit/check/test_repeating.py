"""`redeem: "repeat"`: an equal request of the same requester redeems without the ticket header."""

from __future__ import annotations

import pytest

from authz.domain.answer import Kind
from authz.domain.client_view import APPROVED_DETAIL
from authz.domain.identity import Identity
from authz.domain.ticket import State
from tests.support.gated_requests import ISSUER, gated, sent_by
from tests.unit.check.world import (
    AGAIN,
    World,
    body,
    demanding,
    headers,
    retry,
    status,
)

REPEAT = demanding(redeem="repeat")


@pytest.fixture
def world() -> World:
    world = World()
    world.policy.result = REPEAT
    return world


async def test_the_same_request_again_goes_through_once_it_is_approved(world: World) -> None:
    token = await world.approved()
    outcome = await world.check(AGAIN)
    assert outcome.kind is Kind.ALLOW
    assert headers(outcome)["x-approval-id"] == world.ticket(token).id
    assert world.ticket(token).state is State.USED_UP


async def test_while_it_is_pending_it_is_held_with_the_same_ticket(world: World) -> None:
    token = await world.held()
    outcome = await world.check(AGAIN)
    assert (status(outcome), body(outcome)["token"]) == (202, token)


async def test_the_use_counts_and_the_next_request_is_held_anew(world: World) -> None:
    token = await world.approved()
    assert (await world.check(AGAIN)).kind is Kind.ALLOW
    outcome = await world.check(retry(number=2))
    assert (status(outcome), body(outcome)["state"]) == (202, "pending")
    assert body(outcome)["token"] != token


async def test_envoys_own_retry_of_the_check_takes_no_second_use_and_opens_no_ticket(world: World) -> None:
    await world.approved()
    assert [(await world.check(AGAIN)).kind for _ in range(2)] == [Kind.ALLOW, Kind.ALLOW]
    assert len(world.memory.tickets) == 1


@pytest.mark.parametrize(("then", "now"), [("header", "repeat"), ("repeat", "header")])
async def test_it_has_to_be_the_rule_then_and_now(world: World, then: str, now: str) -> None:
    """What the approvers saw was another way to redeem, or the policy wants the ticket by now."""
    world.policy.result = demanding(redeem=then)
    await world.approved()
    world.policy.result = demanding(redeem=now)
    outcome = await world.check(AGAIN)
    assert (status(outcome), body(outcome)["state"]) == (202, "approved")
    assert body(outcome)["detail"] == APPROVED_DETAIL


async def test_another_request_is_another_ticket(world: World) -> None:
    await world.approved()
    assert status(await world.check(gated(path="/other"))) == 202
    assert len(world.memory.tickets) == 2


async def test_somebody_elses_equal_request_is_another_ticket(world: World) -> None:
    """The principal is one of the parts that make requests equal."""
    await world.approved()
    outcome = await world.check(gated(claims=sent_by("mallory")))
    assert status(outcome) == 202
    assert len(world.memory.tickets) == 2


async def test_nobody_in_particular_repeats_nothing() -> None:
    """Several people may stand behind one principal, so that equal requests are not taken for one."""
    world = World(shared=frozenset({str(Identity(ISSUER, "alice-1"))}), anonymous=True)
    world.policy.result = REPEAT
    await world.approved()
    outcome = await world.check(AGAIN)
    assert (status(outcome), body(outcome)["state"]) == (202, "pending")


async def test_a_session_repeats_by_its_scope(world: World) -> None:
    world.policy.result = demanding(
        redeem="repeat", grant={"scope": "release", "uses": 2, "valid_for": "10m"}
    )
    await world.approved()
    paths = ("/one", "/two", "/three")
    outcomes = [await world.check(retry(gated(path=path), number)) for number, path in enumerate(paths)]
    assert [outcome.kind for outcome in outcomes] == [Kind.ALLOW, Kind.ALLOW, Kind.HOLD]


async def test_what_the_policy_says_at_the_repetition_counts(world: World) -> None:
    token = await world.approved()
    world.policy.result = lambda document: {"allowed": False} if "approval" in document else REPEAT
    outcome = await world.check(AGAIN)
    assert outcome.kind is Kind.DENY
    assert world.ticket(token).uses_left == 1
