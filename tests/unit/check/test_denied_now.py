"""A denial of the policy's at a redemption reaches the client as the policy wrote it."""

from __future__ import annotations

from authz.domain.answer import Kind, Respond
from tests.unit.check.world import AGAIN, World

DENIAL = {"allowed": False, "http_status": 451, "headers": {"x-why": "freeze"}, "body": "not during a freeze"}


async def test_status_headers_and_body_are_the_policys_own(world: World) -> None:
    token = await world.approved()
    world.policy.result = DENIAL
    outcome = await world.check(AGAIN, token)
    assert outcome.kind is Kind.DENY
    assert isinstance(outcome.answer, Respond)
    assert outcome.answer.status == 451
    assert ("x-why", "freeze") in outcome.answer.headers
    assert outcome.answer.body == b"not during a freeze"
    assert world.ticket(token).uses_left == 1
