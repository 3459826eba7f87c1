"""An emergency: let through at once, written down first, reviewed later."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.identity import Person
from authz.services.check import breaking_glass
from authz.services.check.drafting import Drafting
from tests.support.gated_requests import gated, sent_by, with_headers
from tests.unit.check.world import HOLD, World, body, headers, retry, status

TERMS = {"break_glass": {"group": "sre", "review_within": "24h"}, "reason": "the database is down"}
EMERGENCY: dict[str, Any] = {"allowed": True, "approval": TERMS, "headers": {"x-user": "alice"}}


@pytest.fixture
def world(world: World) -> World:
    world.policy.result = EMERGENCY
    return world


async def test_it_passes_and_leaves_a_review(world: World) -> None:
    outcome = await world.check(with_headers(gated(), ("x-approval-justification", b"site down")))
    (review,) = world.reviews.kept.values()
    assert (outcome.kind, outcome.detail, outcome.rule) == (Kind.ALLOW, "break-glass", "break-glass")
    assert headers(outcome) == {"x-user": "alice", "x-approval-id": review.id}
    assert (review.draft.person, review.draft.justification) == ("alice", "site down")
    assert (review.draft.break_glass.group, review.draft.break_glass.reason) == (
        "sre",
        "the database is down",
    )
    assert review.due_at == review.used_at + 24 * 3_600_000
    assert world.reviews.bodies[review.id] == gated().body


async def test_nothing_passes_that_was_not_written_down(world: World) -> None:
    """Redis down means 503."""
    world.reviews.down = True
    assert (await world.check()).detail == "redis_unavailable"


async def test_nothing_passes_that_there_is_no_room_for(world: World) -> None:
    """With a time to come back; control: with room it passes."""
    world.reviews.max_open = 1
    assert (await world.check()).kind is Kind.ALLOW
    outcome = await world.check(retry())
    assert (status(outcome), outcome.kind) == (429, Kind.REFUSE)
    assert body(outcome)["type"] == "urn:holdgate:problem:break-glass-exhausted"
    assert headers(outcome)["retry-after"] == "30"
    world.reviews.max_open = 2
    assert (await world.check(retry())).kind is Kind.ALLOW


async def test_nothing_passes_after_the_deadline(world: World) -> None:
    world.budget = 0.0
    outcome = await world.check()
    assert (status(outcome), outcome.kind) == (503, Kind.ERROR)


@pytest.mark.parametrize("name", ["dave", "mallory"])
async def test_who_is_not_in_the_group_is_refused(world: World, name: str) -> None:
    """By the directory's groups of now, whatever the policy believed."""
    outcome = await world.check(gated(claims=sent_by(name)))
    assert (status(outcome), body(outcome)["type"]) == (403, "urn:holdgate:problem:break-glass-refused")
    assert not world.reviews.kept


async def test_nobody_in_particular_breaks_no_glass(world: World) -> None:
    world.anonymous = True
    assert (await world.check(gated(claims={}))).detail == "principal_unknown"
    assert not world.reviews.kept


async def test_the_same_check_again_is_the_same_use(world: World) -> None:
    """Envoy's retry leaves one review; the client's is another use."""
    await world.check()
    await world.check()
    assert len(world.reviews.kept) == 1
    await world.check(retry())
    assert len(world.reviews.kept) == 2


async def test_an_unseen_body_does_not_stop_an_emergency(world: World) -> None:
    """The review says that it wasn't seen."""
    assert (await world.check(gated(partial=True))).kind is Kind.ALLOW
    (review,) = world.reviews.kept.values()
    assert review.draft.request.body_checked is False


async def test_a_ticket_is_not_needed_and_not_touched(world: World) -> None:
    world.policy.result = HOLD
    token = await world.approved()
    world.policy.result = EMERGENCY
    assert (await world.check(retry(), token)).detail == "break-glass"
    assert world.ticket(token).uses_left == 1


@pytest.mark.parametrize(
    "approval",
    [
        {},
        {"rule": "x"},
        [TERMS],
        {"break_glass": None},
        {"break_glass": {"group": "sre"}},
        {"break_glass": {"review_within": "24h"}},
        {"break_glass": {"group": "", "review_within": "24h"}},
        {"break_glass": {"group": "sre", "review_within": "721h"}},
        {"break_glass": {"group": "sre", "review_within": "0s"}},
        {"break_glass": {"group": "sre", "review_within": "1h", "x": 1}},
        {**TERMS, "approvers": [{"any": True}]},
        {**TERMS, "notify": "nowhere"},
        {**TERMS, "rule": "Not A Slug"},
    ],
)
async def test_unclear_terms_are_a_policy_error(world: World, approval: object) -> None:
    world.policy.result = {"allowed": True, "approval": approval}
    assert (await world.check()).detail == "policy_malformed"
    assert not world.reviews.kept


async def test_control_with_a_directory_that_lies_anybody_passes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_every_group(*_: object) -> Person:
        return Person("dave", "dave", frozenset({"sre"}), "test")

    monkeypatch.setattr(Drafting, "person", in_every_group)
    assert (await world.check(gated(claims=sent_by("dave")))).kind is Kind.ALLOW


async def test_what_the_reviewer_sees_is_what_ran(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that makes another request of it is an error; control: without the guard it passes."""
    world.policy.result = {**EMERGENCY, "headers": {":path": "/other"}}
    assert (await world.check()).detail == "policy_malformed"
    assert not world.reviews.kept
    monkeypatch.setattr(breaking_glass, "refuse_rebinding", lambda *_: None)
    assert (await world.check()).kind is Kind.ALLOW
