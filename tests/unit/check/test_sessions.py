"""A grant with a scope: for any request of this principal, rule and scope."""

from __future__ import annotations

import pytest

from authz.domain.answer import Kind
from authz.services.check import redeeming
from authz.services.check.presented import Presented
from tests.support.gated_requests import gated, sent_by
from tests.unit.check.world import World, body, demanding, retry, status

SESSION = demanding(grant={"scope": "kubectl", "valid_for": "1h"})
OTHER = gated(path="/pods/7", query=None, method="PATCH")


async def test_any_request_of_the_rule_and_scope_goes_through(world: World) -> None:
    """Each takes one use."""
    world.policy.result = SESSION
    token = await world.approved()
    for number, request in enumerate((gated(), OTHER, gated(path="/nodes"))):
        assert (await world.check(retry(request, number), token)).kind is Kind.ALLOW
    assert world.ticket(token).uses_left == 1000 - 3


async def test_another_request_of_the_session_gets_its_ticket(world: World) -> None:
    """One card for one session."""
    world.policy.result = SESSION
    token = await world.held()
    assert body(await world.check(OTHER))["token"] == token
    assert body(await world.check(retry(OTHER, 2), token))["state"] == "pending"


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        (demanding(grant={"scope": "terraform"}), ["scope"]),
        (demanding(rule="drop-table", grant={"scope": "kubectl"}), ["rule"]),
        (demanding(), ["scope"]),
    ],
)
async def test_what_the_policy_holds_for_something_else_is_not_of_the_session(
    world: World, now: object, changed: list[str]
) -> None:
    """The ticket is untouched."""
    world.policy.result = SESSION
    token = await world.approved()
    world.policy.result = now
    outcome = await world.check(OTHER, token)
    assert (status(outcome), body(outcome)["changed"]) == (409, changed)
    assert world.ticket(token).uses_left == 1000


async def test_the_policy_is_never_told_of_a_sessions_approval(world: World) -> None:
    """It would allow what it holds for another rule, because somebody approved something."""
    world.policy.result = lambda document: True if "approval" in document else demanding()
    token = await world.held()
    world.policy.result = SESSION
    session = await world.approved(OTHER)
    world.policy.result = lambda document: True if "approval" in document else demanding(rule="other")
    assert status(await world.check(retry(), session)) == 409
    assert "approval" not in world.policy.asked[-1]
    assert token != session


async def test_control_a_policy_that_sees_the_approval_lets_anything_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy.result = SESSION
    session = await world.approved(OTHER)
    world.policy.result = lambda document: True if "approval" in document else demanding(rule="other")
    monkeypatch.setattr(Presented, "session", property(lambda _: False))
    assert (await world.check(retry(), session)).kind is Kind.ALLOW


async def test_what_the_policy_allows_anyway_takes_no_use(world: World) -> None:
    world.policy.result = SESSION
    token = await world.approved()
    world.policy.result = True
    assert (await world.check(OTHER, token)).kind is Kind.ALLOW
    assert world.ticket(token).uses_left == 1000


async def test_a_session_is_its_principals(world: World) -> None:
    """Nobody else's request is let through with it, and nobody else gets its ticket."""
    world.policy.result = SESSION
    token = await world.approved()
    carol = gated(claims=sent_by("carol"))
    assert body(await world.check(carol, token))["type"] == "urn:holdgate:problem:ticket-refused"
    assert body(await world.check(carol))["token"] != token


@pytest.mark.parametrize("unseen", [{"partial": True}, {"body_limit": 0}])
async def test_a_session_redeems_no_body_that_nobody_saw(
    world: World, monkeypatch: pytest.MonkeyPatch, unseen: dict[str, object]
) -> None:
    """What the policy didn't see may have meant another rule; control: without the look it passes."""
    world.policy.result = SESSION
    token = await world.approved()
    outcome = await world.check(retry(gated(**unseen)), token)
    assert (status(outcome), outcome.detail) == (413, "body_not_visible")
    monkeypatch.setattr(redeeming, "visible_body", lambda _: b"")
    assert (await world.check(retry(gated(**unseen)), token)).kind is Kind.ALLOW


async def test_envoys_retry_of_a_sessions_last_request_is_counted_once(world: World) -> None:
    """As for one request; another check is used up."""
    world.policy.result = demanding(grant={"scope": "kubectl", "uses": 1})
    token = await world.approved()
    for _ in range(2):
        assert (await world.check(retry(OTHER), token)).kind is Kind.ALLOW
    assert len(world.ticket(token).redemptions) == 1
    assert body(await world.check(retry(OTHER, 2), token))["type"] == "urn:holdgate:problem:used-up"
