"""What may differ in a body by the terms of now, against what was approved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.answer import Kind, Respond
from authz.domain.fingerprint import Binding
from authz.domain.ticket import State
from tests.support.gated_requests import gated, with_headers
from tests.unit.check.world import AGAIN, HOLD, World, body, demanding, retry

TWO = {"body": {"ignore": ["/clientToken", "/requestId"]}}
ONE = {"body": {"ignore": ["/clientToken"]}}


@pytest.mark.parametrize("now", [HOLD, demanding(bind=ONE), demanding(bind={"body": {"ignore": ["/other"]}})])
async def test_a_part_that_nobody_had_to_look_at_is_not_approved_where_it_is_bound_now(
    world: World, now: dict[str, Any]
) -> None:
    world.policy.result = demanding(bind=TWO)
    token = await world.approved()
    world.policy.result = now
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.HOLD, "ticket superseded")
    assert world.ticket(token).redemptions == ()


async def test_control_without_the_comparison_of_bindings_it_passes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy.result = demanding(bind=TWO)
    token = await world.approved()
    world.policy.result = HOLD
    monkeypatch.setattr(Binding, "covers", lambda *_: True)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


@pytest.mark.parametrize("now", [demanding(bind=TWO), demanding(bind={"body": False})])
async def test_who_looked_at_more_has_approved_less(world: World, now: dict[str, Any]) -> None:
    world.policy.result = demanding(bind=ONE)
    token = await world.approved()
    world.policy.result = now
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_a_denial_of_a_ticket_is_the_policys_own(world: World) -> None:
    token = await world.approved()
    world.policy.result = {"allowed": False, "http_status": 451, "headers": {"a": "b"}, "body": "no"}
    assert (await world.check(AGAIN, token)).answer == Respond(451, (("a", "b"),), b"no")


async def test_a_replay_that_is_not_enough_any_more_is_told_as_things_are_now(world: World) -> None:
    token = await world.approved()
    await world.check(AGAIN, token)
    world.memory.now += 5_000
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, "replay")
    assert (body(outcome)["state"], body(outcome)["retry_after"]) == ("used_up", 0)
    assert world.ticket(token).state is State.USED_UP


async def test_what_may_differ_may_differ_in_the_retry(world: World) -> None:
    """And nothing else."""
    world.policy.result = demanding(bind=ONE)
    token = await world.approved(sending(b'{"clientToken":"a","force":true}'))
    changed = await world.check(retry(sending(b'{"clientToken":"a","force":false}')), token)
    assert (changed.kind, body(changed)["changed"]) == (Kind.REFUSE, ["body"])
    assert (await world.check(retry(sending(b'{"force":true}'), 2), token)).kind is Kind.ALLOW


def sending(content: bytes) -> Any:  # noqa: ANN401 - a request
    bare = replace(gated(), body=content, headers=(("content-type", b"application/json"),))
    return with_headers(bare, ("content-length", b"%d" % len(content)))
