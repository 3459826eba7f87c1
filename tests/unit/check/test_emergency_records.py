"""What is written down of a use of break-glass, who is asked about it, and what is told of one that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Forward, Kind
from authz.domain.errors import PrincipalUnknown, StoreUnavailable
from authz.domain.fingerprint import Binding, always_bound, take_fingerprint
from authz.domain.identity import Identity
from authz.domain.problems import Problem
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.responses import problem
from authz.services.permissions import Action
from tests.support.gated_requests import ISSUER, gated, sent_by, with_headers
from tests.unit.check.test_acting import Rule
from tests.unit.check.world import DECISION_PATH, DOCUMENT, World

EMERGENCY: dict[str, Any] = {
    "allowed": True,
    "approval": {"break_glass": {"group": "sre", "review_within": "24h"}},
    "dynamic_metadata": {"a": 1},
}


@pytest.fixture
def world(world: World) -> World:
    world.policy.result = EMERGENCY
    return world


def call(world: World, **changes: Any) -> CheckCall:  # noqa: ANN401 - any field
    return CheckCall(gated(**changes), DOCUMENT, world.clock + world.budget, lambda: world.clock)


async def test_a_refusal_is_told_with_who_and_which_rule(world: World) -> None:
    outcome = await world.check(gated(claims=sent_by("dave")))
    assert outcome == Outcome(
        Kind.REFUSE,
        problem(Problem.BREAK_GLASS_REFUSED),
        decision_id="decision-1",
        rule="break-glass",
        principal="https%3A%2F%2Fidp.example:dave-1",
        detail="break-glass refused",
        metadata={"a": 1},
    )


async def test_the_review_has_the_digest_of_what_ran_but_for_who_sent_it(world: World) -> None:
    """What a reviewer is shown can be compared with the audit's."""
    await world.check()
    (review,) = world.reviews.kept.values()
    seen = take_fingerprint(
        gated(), Identity(ISSUER, "somebody"), DECISION_PATH, Binding(always_bound(world.bind_headers))
    )
    assert review.draft.payload_digest == seen.payload_digest


async def test_a_requester_without_a_name_gets_the_directorys(world: World) -> None:
    nameless = {"envoy.filters.http.jwt_authn": {"jwt": {"iss": ISSUER, "sub": "alice-1"}}}
    await world.check(gated(claims=nameless))
    (review,) = world.reviews.kept.values()
    assert review.draft.requester.name == "alice"


async def test_the_policy_may_name_who_breaks_the_glass(world: World) -> None:
    world.sources = ["policy"]
    world.policy.result = {**EMERGENCY, "requester": {"ns": ISSUER, "id": "bob-1"}}
    outcome = await world.check(gated(claims={}))
    (review,) = world.reviews.kept.values()
    assert (outcome.kind, review.draft.person) == (Kind.ALLOW, "bob")


async def test_the_rule_is_asked_about_this_use_and_this_person(world: World) -> None:
    world.rule = rule = Rule()
    outcome = await world.check()
    ((action, actor, subject),) = rule.asked
    assert action is Action.BREAK_GLASS
    assert (actor.identity.id, actor.groups) == ("alice-1", frozenset({"sre"}))
    assert (subject["id"], subject["rule"]) == (outcome.ticket_id, "break-glass")


async def test_nobody_in_particular_is_named_in_the_error(world: World) -> None:
    """It is for the operator, who has to see which account it was."""
    world.anonymous = True
    with pytest.raises(PrincipalUnknown, match=r"^holdgate:anonymous is nobody in particular, and"):
        await world.service().check(call(world, claims={}))


async def test_what_would_repeat_the_request_is_removed_beside_what_the_policy_removes(world: World) -> None:
    world.policy.result = {**EMERGENCY, "request_headers_to_remove": ["x-a"]}
    outcome = await world.check(with_headers(gated(), ("x-envoy-retry-on", b"5xx")))
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.remove_headers == ("x-a", "x-envoy-retry-on")


async def test_a_use_that_was_stored_too_late_says_so(world: World) -> None:
    """It may be repeated: the same Check is the same use."""
    store = world.reviews.break_glass

    async def slow(*arguments: Any) -> Any:  # noqa: ANN401 - the port's
        world.clock += 1
        return await store(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.reviews, "break_glass", slow)
        with pytest.raises(StoreUnavailable) as late:
            await world.service().check(call(world))
    assert str(late.value) == (
        "the use of break-glass was stored after Envoy's deadline; the same Check may be repeated"
    )
    assert len(world.reviews.kept) == 1


async def test_a_grant_that_was_redeemed_too_late_says_so(world: World) -> None:
    world.policy.result = {"allowed": False, "approval": {"rule": "r", "approvers": [{"group": "sre"}]}}
    token = await world.approved()
    redeem = world.memory.redeem

    async def slow(*arguments: Any) -> Any:  # noqa: ANN401 - the port's
        world.clock += 1
        return await redeem(*arguments)

    late = with_headers(gated(), ("x-approval-ticket", token.encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.memory, "redeem", slow)
        with pytest.raises(StoreUnavailable) as error:
            await world.service().check(CheckCall(late, DOCUMENT, world.clock + 0.5, lambda: world.clock))
    assert str(error.value) == "the grant was redeemed after Envoy's deadline; the same Check may be repeated"
