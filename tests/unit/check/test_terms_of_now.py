"""What the policy demands at redemption counts, not what it demanded when the request was held."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.ticket import State
from authz.services.check import redeeming
from tests.support.gated_requests import gated
from tests.unit.check.world import (
    AGAIN,
    HOLD,
    World,
    body,
    demanding,
    headers,
    retry,
    status,
)

TWO_GROUPS = [{"group": "sre"}, {"group": "security"}]


@pytest.mark.parametrize(
    "now",
    [
        {"approvers": [{"group": "sre", "count": 2}]},
        {"approvers": TWO_GROUPS},
        {"approvers": [{"group": "dev"}]},
        {"approvers": [{"user": {"ns": "https://idp.example", "id": "carol-1"}}]},
        {"bind": {"headers": ["x-env"]}},
    ],
)
async def test_votes_that_are_too_few_for_what_is_demanded_now_let_nothing_through(
    world: World, now: dict[str, Any]
) -> None:
    """More people, others, or more bound parts: a new ticket takes the place of the one that isn't enough."""
    token = await world.approved()
    world.policy.result = demanding(**now)
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), outcome.kind, outcome.detail) == (202, Kind.HOLD, "ticket superseded")
    newer = world.ticket(body(outcome)["token"])
    assert (newer.state, newer.votes) == (State.PENDING, ())
    assert (world.ticket(token).state, world.ticket(token).replaced_by) == (State.SUPERSEDED, newer.id)
    assert world.ticket(token).uses_left == 1
    told = await world.check(retry(gated(), 2), token)
    assert (told.kind, body(told)["token"]) == (Kind.HOLD, body(outcome)["token"])


async def test_a_body_that_was_not_bound_is_not_enough_where_it_is_now(world: World) -> None:
    """What nobody was shown can't be approved by them."""
    world.policy.result = demanding(bind={"body": False})
    token = await world.approved()
    world.policy.result = HOLD
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"


async def test_too_few_votes_would_do_without_the_comparison(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: nothing else asks what is demanded now."""
    token = await world.approved()
    world.policy.result = demanding(approvers=TWO_GROUPS)
    monkeypatch.setattr(redeeming.Redeeming, "_satisfied", lambda *_: True)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


@pytest.mark.parametrize(
    "now", [{"approvers": [{"any": True}]}, {"reason": "another"}, {"bind": {"headers": []}}]
)
async def test_a_demand_that_is_no_stronger_is_satisfied(world: World, now: dict[str, Any]) -> None:
    """Fewer conditions than were met."""
    world.policy.result = demanding(bind={"headers": ["x-env"]})
    token = await world.approved()
    world.policy.result = demanding(**now)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_fewer_uses_or_a_shorter_window_count_from_now_on(world: World) -> None:
    """The smaller of then and now."""
    world.policy.result = demanding(grant={"uses": 3, "valid_for": "10m"})
    token = await world.approved()
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW
    world.policy.result = demanding(grant={"uses": 1})
    spent = await world.check(retry(gated(), 2), token)
    assert (body(spent)["type"], spent.detail) == ("urn:holdgate:problem:approval-insufficient", "used_up")
    world.policy.result = demanding(grant={"uses": 3, "valid_for": "1m"})
    world.memory.now += 60_000
    assert (await world.check(retry(gated(), 3), token)).detail == "lapsed"
    world.policy.result = demanding(grant={"uses": 9, "valid_for": "9h"})
    assert (await world.check(retry(gated(), 4), token)).kind is Kind.ALLOW


async def test_a_malformed_demand_now_is_an_error(world: World) -> None:
    """And takes no use."""
    token = await world.approved()
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 0}])
    assert (await world.check(AGAIN, token)).detail == "policy_malformed"
    assert world.ticket(token).uses_left == 1


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {":path": "/other"}},
        {"headers": {":method": "GET"}},
        {"headers": {"Host": "other"}},
        {"headers": {"content-type": "text/plain"}},
        {"headers": {"x-tenant": "green"}},
        {"request_headers_to_remove": ["X-Tenant"]},
        {"query_parameters_to_set": {"force": "no"}},
        {"query_parameters_to_remove": ["force"]},
    ],
)
async def test_a_policy_can_not_make_another_request_of_an_approved_one(
    world: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """A policy error before the use is taken; and (control) without the guard it would pass."""
    token = await world.approved()
    world.policy.result = {"allowed": True, **change}
    assert (await world.check(AGAIN, token)).detail == "policy_malformed"
    assert world.ticket(token).uses_left == 1
    monkeypatch.setattr(redeeming, "refuse_rebinding", lambda _mutations, _bound: None)
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_other_changes_of_the_policy_go_along(world: World) -> None:
    """Beside who approved it."""
    token = await world.approved()
    world.policy.result = {"allowed": True, "headers": {"x-user": "alice"}}
    assert set(headers(await world.check(AGAIN, token))) == {"x-user", "x-approval-id", "x-approval-by"}
