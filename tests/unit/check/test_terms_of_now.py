"""What the policy demands at redemption counts, not what it demanded when the request was held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.request import CheckId
from authz.domain.ticket import REPLAYS_MAX, State, TicketDraft
from authz.services.check import redeeming, sufficiency
from authz.services.ports import Created, RedeemResult
from tests.support.gated_requests import gated
from tests.support.memory_store import MemoryStore
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
    monkeypatch.setattr(sufficiency.Sufficiency, "satisfied", lambda *_: True)
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


SMALLER: dict[str, dict[str, Any]] = {
    "fewer uses": {"uses": 1, "valid_for": "10m"},
    "a shorter window": {"uses": 3, "valid_for": "1m"},
}


async def used_once(world: World) -> str:
    """Approve three uses within ten minutes, take one, and let a minute go by."""
    world.policy.result = demanding(grant={"uses": 3, "valid_for": "10m"})
    token = await world.approved()
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW
    world.memory.now += 60_000
    return token


@pytest.mark.parametrize("smaller", SMALLER)
async def test_what_is_spent_by_the_terms_of_now_is_asked_for_again(world: World, smaller: str) -> None:
    """The smaller of then and now counts; who wants more has a new ticket, and isn't locked out until the old ends."""
    token = await used_once(world)
    world.policy.result = demanding(grant=SMALLER[smaller])
    outcome = await world.check(retry(gated(), 2), token)
    assert (status(outcome), outcome.kind, outcome.detail) == (202, Kind.HOLD, "ticket superseded")
    newer = body(outcome)["token"]
    assert (world.ticket(newer).state, world.ticket(newer).votes) == (State.PENDING, ())
    old = world.ticket(token)
    assert (old.state, old.replaced_by, len(old.redemptions)) == (State.SUPERSEDED, world.ticket(newer).id, 1)
    await world.vote(newer, "bob")
    assert (await world.check(retry(gated(), 3), newer)).kind is Kind.ALLOW


@pytest.mark.parametrize("smaller", SMALLER)
async def test_control_without_the_terms_of_now_the_uses_of_then_are_there(
    world: World, monkeypatch: pytest.MonkeyPatch, smaller: str
) -> None:
    """Nothing but the store's count of now keeps the second use back."""
    token = await used_once(world)
    world.policy.result = demanding(grant=SMALLER[smaller])
    redeem = world.memory.redeem
    monkeypatch.setattr(
        world.memory,
        "redeem",
        lambda ticket, digest, check, _uses, _window: redeem(ticket, digest, check, 3, 600_000),
    )
    assert (await world.check(retry(gated(), 2), token)).kind is Kind.ALLOW


@pytest.mark.parametrize("now", [{"uses": 2, "valid_for": "10m"}, {"uses": 9, "valid_for": "9h"}])
async def test_a_use_that_is_left_by_the_terms_of_now_is_taken(world: World, now: dict[str, Any]) -> None:
    """Nothing is superseded that is enough."""
    token = await used_once(world)
    world.policy.result = demanding(grant=now)
    assert (await world.check(retry(gated(), 2), token)).kind is Kind.ALLOW


async def test_a_counted_check_is_answered_as_such_whatever_is_granted_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Envoy's retry is let through as often as any, and asks for no new approval; control: without the look it does."""
    world.policy.result = demanding(grant={"uses": 3, "valid_for": "10m"})
    token = await world.approved()
    await world.check(AGAIN, token)
    world.policy.result = demanding(grant={"uses": 1})
    details = [(await world.check(AGAIN, token)).detail for _ in range(REPLAYS_MAX)]
    assert details == ["replayed"] * REPLAYS_MAX
    refused = await world.check(AGAIN, token)
    assert (body(refused)["type"], refused.detail) == (
        "urn:holdgate:problem:approval-insufficient",
        "used_up",
    )
    assert (world.ticket(token).state, len(world.ticket(token).redemptions)) == (State.APPROVED, 1)
    monkeypatch.setattr(redeeming, "_counted", lambda *_: False)
    assert (await world.check(AGAIN, token)).detail == "ticket superseded"


async def test_a_check_without_an_id_is_no_retry(world: World) -> None:
    """Nothing says that it is the same one."""
    world.policy.result = demanding(grant={"uses": 3, "valid_for": "10m"})
    token = await world.approved()
    nameless = replace(AGAIN, check_id=CheckId("", 0))
    assert (await world.check(nameless, token)).detail == "redeemed"
    world.policy.result = demanding(grant={"uses": 1})
    assert (await world.check(nameless, token)).detail == "ticket superseded"


async def test_who_takes_a_use_while_another_asks_for_more_keeps_it(world: World) -> None:
    """The supersession compares the revision that was looked at after the store's no, and looks again."""
    token = await used_once(world)

    class Busy(MemoryStore):
        async def supersede(
            self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
        ) -> Created | None:
            if len(self.tickets[ticket_id].redemptions) == 1:
                digest = self.tickets[ticket_id].draft.fingerprint.digest
                taken = await self.redeem(ticket_id, digest, CheckId("other", 1), 3, 600_000)
                assert taken is RedeemResult.REDEEMED
            return await super().supersede(ticket_id, rev, draft, body)

    busy = Busy()
    busy.now, busy.tickets = world.memory.now, world.memory.tickets
    world.memory = busy
    world.policy.result = demanding(grant={"uses": 1})
    assert (await world.check(retry(gated(), 2), token)).detail == "ticket superseded"
    assert len(world.ticket(token).redemptions) == 2


@pytest.mark.parametrize("verdict", [{"allowed": True}, HOLD])
async def test_a_store_that_contradicts_itself_lets_nothing_through_and_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, verdict: object
) -> None:
    """An allow has the ticket's own terms, so what it can't have is never less than was approved."""
    token = await world.approved()
    world.policy.result = verdict
    result = RedeemResult.NOT_APPROVED if verdict is HOLD else RedeemResult.USED_UP

    async def redeem(*_: object) -> RedeemResult:
        return result

    monkeypatch.setattr(world.memory, "redeem", redeem)
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, result.value)
    assert world.ticket(token).state is State.APPROVED


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
