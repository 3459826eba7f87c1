"""A use is counted once for each of Envoy's requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.answer import Kind
from authz.domain.request import CheckId
from tests.support.gated_requests import TIME_NS, gated
from tests.unit.check.world import (
    AGAIN,
    World,
    body,
    headers,
    retry,
    status,
)


async def test_envoys_retry_of_one_check_burns_no_second_use(world: World) -> None:
    """Same id, same time: forwarded again and counted once; another check is used up."""
    token = await world.approved()
    for _ in range(4):
        outcome = await world.check(AGAIN, token)
        assert outcome.kind is Kind.ALLOW
        assert headers(outcome)["x-approval-id"] == world.ticket(token).id
    assert world.policy.asked[-1]["approval"]["uses_left"] == 1
    assert len(world.ticket(token).redemptions) == 1
    assert status(await world.check(AGAIN, token)) == 403
    assert body(await world.check(retry(gated(), 2), token))["type"] == "urn:holdgate:problem:used-up"


async def test_a_replay_asks_the_policy_again(world: World) -> None:
    """It may say no now."""
    token = await world.approved()
    await world.check(AGAIN, token)
    world.policy.result = False
    assert (await world.check(AGAIN, token)).kind is Kind.DENY


async def test_a_replay_with_another_request_is_409(world: World) -> None:
    """The id of a check is no excuse."""
    token = await world.approved()
    await world.check(AGAIN, token)
    assert status(await world.check(replace(AGAIN, path="/other"), token)) == 409


@pytest.mark.parametrize("http_id", ["", "retry-1"])
async def test_after_the_replay_window_the_same_check_is_a_new_one(world: World, http_id: str) -> None:
    """And an empty id is never the same."""
    token = await world.approved()
    request = replace(AGAIN, check_id=CheckId(http_id, TIME_NS))
    assert (await world.check(request, token)).kind is Kind.ALLOW
    if http_id:
        world.memory.now += 10_001
    assert body(await world.check(request, token))["type"] == "urn:holdgate:problem:used-up"
