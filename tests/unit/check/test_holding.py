"""Design.md, "Without a ticket header"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.identity import Identity
from authz.domain.problems import Problem
from authz.domain.ticket import Choice, State
from authz.domain.token import partition_of
from tests.support.gated_requests import BODY, gated, sent_by, with_headers
from tests.support.memory_store import MemoryStore
from tests.unit.check.world import DOCUMENT, HOLD, World, body, demanding, headers, status


async def test_a_plain_allow_passes_with_the_policys_changes_and_needs_no_redis(world: World) -> None:
    """No store call at all, so a Redis that is down changes nothing."""
    world.memory.down = True
    world.policy.result = {"allowed": True, "headers": {"x-user": "alice"}, "dynamic_metadata": {"a": 1}}
    outcome = await world.check()
    assert (outcome.kind, headers(outcome)) == (Kind.ALLOW, {"x-user": "alice"})
    assert (outcome.decision_id, outcome.metadata) == ("decision-1", {"a": 1})
    assert world.memory.calls == []


async def test_a_denial_is_the_policys_own(world: World) -> None:
    """Status, headers and body as it says."""
    world.policy.result = {"allowed": False, "http_status": 401, "headers": {"a": "b"}, "body": "no"}
    outcome = await world.check()
    assert outcome.kind is Kind.DENY
    assert outcome.answer == Respond(401, (("a", "b"),), b"no")
    assert world.memory.calls == []


async def test_a_hold_is_answered_with_its_ticket(world: World) -> None:
    """Every header and member that the design names."""
    outcome = await world.check()
    (ticket,) = world.memory.tickets.values()
    token = world.mint.mint(ticket.id)
    assert (outcome.kind, status(outcome)) == (Kind.HOLD, 202)
    assert headers(outcome) == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "retry-after": "5",
        "link": f'</.holdgate/tickets/{ticket.id}>; rel="status"',
        "x-approval-ticket": token,
    }
    assert body(outcome) == {
        "id": ticket.id,
        "token": token,
        "state": "pending",
        "rule": "delete-production",
        "reason": "deletes a production resource",
        "detail": Problem.HELD.value.detail,
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-15T08:30:00Z",
        "retry_after": 5,
        "progress": {"given": 0, "needed": 1, "awaiting": ["sre"]},
        "links": {
            "status": f"/.holdgate/tickets/{ticket.id}",
            "review": f"http://127.0.0.1:8088/tickets/{ticket.id}",
        },
    }
    assert (outcome.ticket_id, outcome.rule) == (ticket.id, "delete-production")
    assert outcome.principal == "https%3A%2F%2Fidp.example:alice-1"


@pytest.mark.parametrize(
    ("setting", "policy", "expected"),
    [(202, None, 202), (428, None, 428), (202, 403, 403), (428, 202, 202), (202, 503, 503)],
)
async def test_a_hold_has_the_status_that_policy_or_settings_say(
    world: World, setting: int, policy: int | None, expected: int
) -> None:
    """Another one than 202 is a problem document with the same members."""
    world.held_status = setting
    world.policy.result = HOLD | ({} if policy is None else {"http_status": policy})
    outcome = await world.check()
    assert (status(outcome), outcome.kind) == (expected, Kind.HOLD)
    said = body(outcome)
    problem = {"type": "urn:holdgate:problem:held", "title": "Held for approval", "status": expected}
    assert headers(outcome)["content-type"] == f"application/{'json' if expected == 202 else 'problem+json'}"
    assert {key: said.get(key) for key in problem} == (problem if expected != 202 else dict.fromkeys(problem))
    assert said["token"] == headers(outcome)["x-approval-ticket"]


async def test_what_is_frozen_is_the_request_without_secrets(world: World) -> None:
    """Bound headers, never authorization or cookie, and only so much of the body."""
    world.stored_body_bytes = 4
    world.policy.result = demanding(bind={"headers": ["authorization", "cookie", "x-env"]})
    secrets = (("authorization", b"Bearer s"), ("cookie", b"s"), ("x-env", b"prod"), ("x-other", b"s"))
    token = await world.held(with_headers(gated(), *secrets))
    frozen = world.ticket(token).draft.request
    assert frozen.headers == (("content-type", b"application/json"), ("x-env", b"prod"))
    assert (frozen.body_size, frozen.body_checked) == (len(BODY), True)
    assert list(world.memory.bodies.values()) == [BODY[:4]]
    assert frozen.target == "/resources/db-orders?force=true"


async def test_all_tickets_of_a_requester_are_in_one_partition(world: World) -> None:
    world.partitions = 64
    made = [await world.held(replace(gated(), path=f"/{number}")) for number in range(3)]
    assert len({partition_of(world.ticket(token).id) for token in made}) == 1
    others = [await world.held(gated(claims=sent_by(f"user-{number}"))) for number in range(20)]
    assert len({partition_of(world.ticket(token).id) for token in others}) > 5


async def test_an_equal_request_gets_the_same_ticket_in_its_true_state(world: World) -> None:
    """Pending, then approved; and no second one is made."""
    first = await world.held()
    again = await world.check()
    assert (body(again)["token"], body(again)["state"], again.detail) == (first, "pending", "same ticket")
    await world.vote(first, "bob")
    approved = await world.check(gated(check_id=replace(gated().check_id, http_id="other")))
    assert (body(approved)["state"], headers(approved)["retry-after"], status(approved)) == (
        "approved",
        "0",
        202,
    )
    assert body(approved)["token"] == first
    assert len(world.memory.tickets) == 1
    assert world.ticket(first).redemptions == ()


@pytest.mark.parametrize("name", ["bob", "carol"])
async def test_another_principal_gets_a_ticket_of_their_own(world: World, name: str) -> None:
    """Approved is who asked, too."""
    first = await world.held()
    assert await world.held(gated(claims=sent_by(name))) != first


async def test_after_a_rejection_the_same_request_gets_the_403_for_a_while(world: World) -> None:
    """And a new ticket afterwards."""
    token = await world.held()
    await world.vote(token, "bob", Choice.REJECT, "freeze")
    refused = await world.check()
    assert (status(refused), refused.kind) == (403, Kind.REFUSE)
    assert body(refused)["type"] == "urn:holdgate:problem:rejected"
    assert (body(refused)["comment"], body(refused)["rejected_by"]) == ("freeze", "bob")
    assert "token" not in body(refused)
    world.memory.now += 600_000
    assert await world.held() != token


@pytest.mark.parametrize("state", [State.EXPIRED, State.LAPSED, State.USED_UP])
async def test_what_has_ended_otherwise_is_asked_anew(world: World, state: State) -> None:
    """A used-up approval doesn't block the next one."""
    token = await world.held()
    world.change(token, state=state)
    assert await world.held() != token


async def test_a_passed_deadline_is_an_end_before_anybody_stored_it(world: World) -> None:
    """By the clock of Redis."""
    token = await world.held()
    world.memory.now += 1_800_000
    assert await world.held() != token


@pytest.mark.parametrize(
    ("claims", "shared"),
    [({}, frozenset[str]()), (sent_by("alice"), frozenset({"https%3A%2F%2Fidp.example:alice-1"}))],
)
async def test_nobody_and_a_shared_principal_hold_nothing(
    world: World, claims: dict[str, object], shared: frozenset[str]
) -> None:
    """An approval would belong to no one, or to several."""
    world.shared = shared
    outcome = await world.check(gated(claims=claims))
    assert (status(outcome), outcome.detail) == (503, "principal_unknown")
    assert body(outcome)["type"] == "urn:holdgate:problem:principal-unknown"
    assert world.memory.calls == []


async def test_nobody_may_still_do_what_the_policy_plainly_allows(world: World) -> None:
    """Only holds need a principal."""
    world.policy.result = True
    assert isinstance((await world.check(gated(claims={}))).answer, Forward)


@pytest.mark.parametrize(
    ("sources", "named", "expected"),
    [
        (["policy"], "carol", "carol"),
        (["policy"], None, None),
        ([("metadata:envoy.filters.http.jwt_authn/jwt/sub"), "policy"], "carol", "alice"),
        (["policy", "metadata:envoy.filters.http.jwt_authn/jwt/sub"], "carol", "carol"),
        (["policy", "metadata:envoy.filters.http.jwt_authn/jwt/sub"], None, "alice"),
        (["source.principal"], "carol", None),
    ],
)
async def test_the_sources_of_principals_are_asked_in_their_order(
    world: World, sources: list[str], named: str | None, expected: str | None
) -> None:
    """The policy is one of them only where the settings say so."""
    world.sources = sources
    who = {} if named is None else {"requester": {"ns": "https://idp.example", "id": f"{named}-1"}}
    world.policy.result = HOLD | who
    outcome = await world.check()
    if expected is None:
        assert outcome.detail == "principal_unknown"
        return
    (ticket,) = world.memory.tickets.values()
    assert ticket.draft.requester.identity == Identity("https://idp.example", f"{expected}-1")


async def test_too_many_tickets_are_429(world: World) -> None:
    """With a time to come back, and no ticket."""
    world.memory = MemoryStore(max_open=1)
    await world.held()
    outcome = await world.check(gated(path="/other"))
    assert (status(outcome), outcome.kind) == (429, Kind.REFUSE)
    assert body(outcome)["type"] == "urn:holdgate:problem:too-many-tickets"
    assert headers(outcome)["retry-after"] == "30"


@pytest.mark.parametrize(
    "changes", [{"partial": True}, {"body_limit": 0}, {"headers": (("upgrade", b"websocket"),)}]
)
async def test_an_unseen_body_can_not_be_held(world: World, changes: dict[str, Any]) -> None:
    """413, and nothing is stored; unless the rule leaves the body unbound."""
    outcome = await world.check(gated(**changes))
    assert status(outcome) == 413
    assert body(outcome)["type"] == "urn:holdgate:problem:body-not-visible"
    assert world.memory.calls == []
    world.policy.result = demanding(bind={"body": False})
    held = await world.check(gated(**changes))
    assert status(held) == 202
    assert world.ticket(body(held)["token"]).draft.request.body_checked is False


@pytest.mark.parametrize(
    "demand",
    [
        {"approvers": []},
        {"approvers": [{"group": "sre", "count": 0}]},
        {"surprise": True},
        {"notify": "nowhere"},
        {"approvers": [{"user": {"ns": "https://idp.example", "id": "alice-1"}}]},
    ],
)
async def test_a_demand_that_can_not_be_met_is_503_and_an_alert(world: World, demand: dict[str, Any]) -> None:
    """Malformed, or with no possible approver but the requester; never a weaker hold."""
    world.policy.result = demanding(**demand)
    outcome = await world.check()
    assert (status(outcome), outcome.kind, outcome.detail) == (503, Kind.ERROR, "policy_malformed")
    assert world.memory.tickets == {}


async def test_one_named_approver_is_not_enough_for_an_unknown_requester(world: World) -> None:
    """One more would be needed, and nobody else is asked."""
    world.people.strangers = {"alice"}
    world.policy.result = demanding(approvers=[{"user": {"ns": "https://idp.example", "id": "bob-1"}}])
    assert (await world.check()).detail == "policy_malformed"
    world.people.strangers = set()
    assert status(await world.check()) == 202


@pytest.mark.parametrize("down", ["memory", "people"])
async def test_an_outage_is_503_with_a_time_to_come_back(world: World, down: str) -> None:
    """Whether the store or the directory can't be asked."""
    getattr(world, down).down = True
    outcome = await world.check()
    assert (status(outcome), outcome.kind) == (503, Kind.ERROR)
    assert headers(outcome)["retry-after"] == "1"
    assert world.memory.tickets == {}


@pytest.mark.parametrize(
    "result", [PolicyUnavailable("late"), PolicyMalformed("undefined"), None, 7, {"allowed": "yes"}]
)
async def test_no_answer_of_the_policy_is_no_allow(world: World, result: object) -> None:
    """Late, broken, or neither yes nor no."""
    world.policy.result = result
    outcome = await world.check()
    assert (status(outcome), outcome.kind) == (503, Kind.ERROR)


async def test_the_policy_sees_the_document_and_no_approval(world: World) -> None:
    """Without a ticket there is nothing to add."""
    await world.held()
    await world.check()
    assert world.policy.asked == [DOCUMENT, DOCUMENT]


async def test_the_policy_gets_no_more_time_than_envoy_has_left(world: World) -> None:
    """The smaller of the setting and the deadline, less what answering takes."""
    world.policy.result = True
    await world.check()
    world.budget = 0.06
    await world.check()
    world.budget = 0.0
    await world.check()
    assert world.policy.timeouts == [0.15, pytest.approx(0.05), 0.0]


async def test_a_clients_own_approval_headers_never_reach_the_upstream(world: World) -> None:
    """Whoever allowed it, in every spelling that an upstream may fold."""
    names = ("x-approval-by", "x_approval_by", "x-approval_id", "x-approval-receipt")
    world.policy.result = {"allowed": True, "request_headers_to_remove": ["x-internal"]}
    outcome = await world.check(with_headers(gated(), *((name, b"boss") for name in names)))
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.remove_headers == ("x-internal", *sorted(names))


@pytest.mark.parametrize("name", ["x-approval-by", "X-Approval-Id", "x_approval_receipt"])
async def test_a_policy_can_not_claim_an_approval(world: World, name: str) -> None:
    """The headers that say so are ours."""
    world.policy.result = {"allowed": True, "headers": {name: "boss"}}
    assert (await world.check()).detail == "policy_malformed"
