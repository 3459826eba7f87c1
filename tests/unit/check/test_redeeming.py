"""Design.md, "With x-approval-ticket": what becomes of a ticket of the sender's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.answer import Forward, Kind
from authz.domain.errors import PolicyUnavailable
from authz.domain.ticket import Choice, State
from authz.services.check import telling
from authz.services.ports import RedeemResult
from tests.support.gated_requests import gated, with_headers
from tests.support.memory_store import MemoryStore
from tests.unit.check.world import (
    AGAIN,
    DOCUMENT,
    HOLD,
    TICKET,
    World,
    allow_when_approved,
    body,
    demanding,
    headers,
    retry,
    status,
)


async def test_a_pending_ticket_gets_the_hold_again(world: World) -> None:
    """The same answer as without the header, whatever the policy says but no."""
    token = await world.held()
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), body(outcome)["state"], body(outcome)["token"]) == (202, "pending", token)
    assert world.policy.asked[-1] == DOCUMENT


@pytest.mark.parametrize("result", [HOLD, allow_when_approved])
async def test_an_approved_ticket_lets_the_same_request_through(world: World, result: object) -> None:
    """By an allow that looked at input.approval, and by a hold that the votes satisfy."""
    token = await world.approved()
    world.policy.result = result
    outcome = await world.check(AGAIN, token)
    assert outcome.kind is Kind.ALLOW
    assert headers(outcome) == {
        "x-approval-id": world.ticket(token).id,
        "x-approval-by": '"https%3A%2F%2Fidp.example:bob-1"',
    }
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.remove_headers == (TICKET,)
    assert world.ticket(token).state is State.USED_UP


async def test_all_approvers_are_named_in_a_structured_list(world: World) -> None:
    """RFC 9651 strings, percent-encoded inside, and no rejecting vote among them."""
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    token = await world.approved(None, "bob", "carol")
    said = headers(await world.check(AGAIN, token))["x-approval-by"]
    assert said == '"https%3A%2F%2Fidp.example:bob-1", "https%3A%2F%2Fidp.example:carol-1"'


async def test_the_policy_sees_exactly_what_was_approved(world: World) -> None:
    """input.approval as designed, beside the document of this very request."""
    token = await world.held()
    world.memory.now += 60_000
    await world.vote(token, "carol", comment="fine")
    await world.check(AGAIN, token)
    assert world.policy.asked[-1] == {
        **DOCUMENT,
        "approval": {
            "id": world.ticket(token).id,
            "rule": "delete-production",
            "reason": "deletes a production resource",
            "justification": "",
            "requested_at": "2027-01-15T08:00:00Z",
            "approved_at": "2027-01-15T08:01:00Z",
            "votes": [
                {
                    "by": {
                        "ns": "https://idp.example",
                        "id": "carol-1",
                        "name": "carol",
                        "groups": ["security", "sre"],
                    },
                    "at": "2027-01-15T08:01:00Z",
                    "comment": "fine",
                }
            ],
            "uses_left": 1,
        },
    }


async def test_the_policy_denies_now(world: World) -> None:
    """Its denial is the answer, and no use is taken."""
    token = await world.approved()
    world.policy.result = {"allowed": False, "http_status": 423, "body": "freeze"}
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, status(outcome)) == (Kind.DENY, 423)
    assert world.ticket(token).state is State.APPROVED


async def test_a_plain_allow_of_a_pending_request_needs_no_ticket(world: World) -> None:
    """The policy doesn't ask for anybody any more; nothing is claimed to be approved."""
    token = await world.held()
    world.policy.result = True
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, headers(outcome)) == (Kind.ALLOW, {})
    assert world.ticket(token).state is State.PENDING


@pytest.mark.parametrize(
    ("state", "slug"),
    [
        (State.REJECTED, "rejected"),
        (State.EXPIRED, "expired"),
        (State.LAPSED, "lapsed"),
        (State.USED_UP, "used-up"),
    ],
)
async def test_a_ticket_that_is_over_says_how(world: World, state: State, slug: str) -> None:
    """403, without the policy being asked; even an allow of it couldn't let this through."""
    token = await world.held() if state in {State.REJECTED, State.EXPIRED} else await world.approved()
    if state is State.REJECTED:
        await world.vote(token, "bob", Choice.REJECT, "freeze")
    elif state is State.USED_UP:
        await world.check(AGAIN, token)
    else:
        world.memory.now += 1_800_000
    world.policy.result = True
    asked = len(world.policy.asked)
    outcome = await world.check(retry(gated(), 2), token)
    assert (status(outcome), outcome.kind) == (403, Kind.REFUSE)
    assert body(outcome)["type"] == f"urn:holdgate:problem:{slug}"
    assert "token" not in body(outcome)
    assert len(world.policy.asked) == asked


async def test_a_used_ticket_names_the_request_that_used_it(world: World) -> None:
    """By Envoy's id, which the client can't choose."""
    token = await world.approved()
    await world.check(AGAIN, token)
    said = body(await world.check(retry(gated(), 2), token))
    assert said["used_by"] == [{"request_id": "retry-1", "at": "2027-01-15T08:00:00Z"}]


async def test_an_unseen_body_redeems_nothing(world: World) -> None:
    """413, whatever was approved."""
    token = await world.approved()
    outcome = await world.check(replace(AGAIN, partial=True), token)
    assert status(outcome) == 413
    assert world.ticket(token).state is State.APPROVED


async def test_forged_copies_are_removed_and_ours_stay(world: World) -> None:
    """Envoy removes after it sets, so a name that we set is in neither list of removals."""
    token = await world.approved()
    forged = with_headers(
        AGAIN, *((name, b"x") for name in ("x-approval-by", "x_approval_by", "x-approval-note"))
    )
    world.policy.result = {
        "allowed": True,
        "request_headers_to_remove": ["X-Approval-Id", "x-approval-by", "x-a"],
    }
    outcome = await world.check(forged, token)
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.remove_headers == ("x-a", "x-approval-note", TICKET, "x_approval_by")
    assert {"x-approval-id", "x-approval-by"} <= set(headers(outcome))


async def test_what_would_repeat_a_redeemed_request_is_removed(world: World) -> None:
    """One use is one hit upstream; a plain allow keeps the client's wish."""
    wishes = (("x-envoy-retry-on", b"5xx"), ("x-envoy-max-retries", b"9"))
    token = await world.approved()
    outcome = await world.check(with_headers(AGAIN, *wishes), token)
    assert isinstance(outcome.answer, Forward)
    assert {name for name, _ in wishes} <= set(outcome.answer.mutations.remove_headers)
    world.policy.result = True
    plain = await world.check(with_headers(gated(path="/free"), *wishes))
    assert plain.answer == Forward()


async def test_an_answer_after_the_deadline_is_no_allow(world: World) -> None:
    """The use may be taken; Envoy has stopped waiting, and its retry of the same check is answered."""

    class Slow(MemoryStore):
        seconds = 1

        async def redeem(self, *args: Any) -> RedeemResult:  # noqa: ANN401 - the port's
            world.clock += self.seconds
            return await super().redeem(*args)

    world.memory = slow = Slow()
    token = await world.approved()
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), outcome.kind) == (503, Kind.ERROR)
    slow.seconds = 0
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


@pytest.mark.parametrize(
    "result", [result for result in RedeemResult if result not in {"redeemed", "replayed"}]
)
async def test_no_other_result_of_the_store_is_an_allow(world: World, result: RedeemResult) -> None:
    """Whatever it says but redeemed and replayed; what is spent though the ticket lives is asked for again."""

    class Refusing(MemoryStore):
        async def redeem(self, *args: Any) -> RedeemResult:  # noqa: ANN401, ARG002 - the port's
            return result

    world.memory = Refusing()
    token = await world.approved()
    outcome = await world.check(AGAIN, token)
    if result in {"used_up", "lapsed"}:
        assert (status(outcome), outcome.kind, outcome.detail) == (202, Kind.HOLD, "ticket superseded")
    else:
        assert (status(outcome), outcome.kind, outcome.detail) == (403, Kind.REFUSE, result.value)


async def test_whoever_comes_second_hears_the_truth_of_then(world: World) -> None:
    """Between our look and our grip somebody else took the last use, or the ticket vanished."""

    class Overtaken(MemoryStore):
        gone = False

        async def redeem(self, ticket_id: str, *args: Any) -> RedeemResult:  # noqa: ANN401, ARG002 - the port's
            if self.gone:
                del self.tickets[ticket_id]
                return RedeemResult.UNKNOWN
            world.change(token, state=State.USED_UP, ended_at=self.now)
            return RedeemResult.USED_UP

    world.memory = store = Overtaken()
    token = await world.approved()
    late = await world.check(AGAIN, token)
    assert body(late)["type"] == "urn:holdgate:problem:used-up"
    world.change(token, state=State.APPROVED)
    store.gone = True
    assert (await world.check(AGAIN, token)).answer == telling.REFUSED.answer


async def test_an_outage_at_redemption_is_503(world: World) -> None:
    """Redis or OPA: no allow, and no use."""
    token = await world.approved()
    world.memory.down = True
    assert (await world.check(AGAIN, token)).detail == "redis_unavailable"
    world.memory.down = False
    world.policy.result = PolicyUnavailable("late")
    assert (await world.check(AGAIN, token)).detail == "opa_unavailable"
    assert world.ticket(token).uses_left == 1
