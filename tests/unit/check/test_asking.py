"""Who asks, and why: justification, nobody in particular, and accounts that several people share."""

from __future__ import annotations

import pytest

from authz.domain.answer import Kind
from authz.services.check import drafting, sufficiency
from tests.support.gated_requests import ISSUER, gated, sent_by, with_headers
from tests.unit.check.world import AGAIN, World, body, demanding, headers, retry, status

WHY = "x-approval-justification"
NOBODY = gated(claims={})


def saying(*values: bytes, **changes: object) -> object:
    return with_headers(gated(**changes), *((WHY, value) for value in values))


async def test_a_justification_is_kept_for_the_approvers(world: World) -> None:
    token = body(await world.check(saying("disk is full: Ärger".encode())))["token"]  # type: ignore[arg-type]
    assert world.ticket(token).draft.justification == "disk is full: Ärger"


async def test_a_rule_may_want_one(world: World) -> None:
    """A clear 428, nothing held; a blank one is none."""
    world.policy.result = demanding(justification="required")
    for request in (gated(), saying(b"  ")):
        outcome = await world.check(request)  # type: ignore[arg-type]
        assert (status(outcome), outcome.detail) == (428, "justification_missing")
        assert body(outcome)["rule"] == "delete-production"
        assert WHY in body(outcome)["detail"]
    assert not world.memory.tickets
    assert status(await world.check(saying(b"because"))) == 202  # type: ignore[arg-type]


async def test_the_retry_with_the_ticket_needs_none(world: World) -> None:
    """Its words were read already, and they are no part of what is bound."""
    world.policy.result = demanding(justification="required")
    token = await world.approved(saying(b"because"))  # type: ignore[arg-type]
    allowed = await world.check(AGAIN, token)
    assert allowed.kind is Kind.ALLOW
    assert WHY not in headers(allowed)


async def test_control_without_the_check_nobody_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy.result = demanding(justification="required")
    monkeypatch.setattr(drafting, "justification_of", lambda _: "made up")
    assert status(await world.check()) == 202


@pytest.mark.parametrize(
    "values", [(b"a", b"b"), (b"x" * 501,), (b"\xff",)], ids=["two", "long", "not UTF-8"]
)
async def test_one_that_can_not_be_read_is_a_bad_request(world: World, values: tuple[bytes, ...]) -> None:
    outcome = await world.check(saying(*values))  # type: ignore[arg-type]
    assert (status(outcome), outcome.detail) == (400, "bad_request")
    assert WHY in body(outcome)["detail"]
    assert not world.memory.tickets


async def test_nobody_in_particular_is_not_held_for(world: World) -> None:
    """Unless the operator says so."""
    assert (await world.check(NOBODY)).detail == "principal_unknown"
    world.anonymous = True
    assert status(await world.check(NOBODY)) == 202


async def test_each_request_of_nobody_in_particular_has_a_ticket_of_its_own(world: World) -> None:
    """Two strangers must not share an approval; the quota counts their address."""
    world.anonymous = True
    first, second = await world.held(NOBODY), await world.held(NOBODY)
    assert first != second
    draft = world.ticket(first).draft
    assert (draft.shared, draft.answers_for, draft.quota_key) == (True, "", "address:192.0.2.1")
    assert draft.requester_person is None


async def test_one_approval_more_is_needed_for_nobody_in_particular(world: World) -> None:
    """One of the voters may be who asked."""
    world.anonymous = True
    token = await world.approved(NOBODY, "bob")
    assert body(await world.check(retry(NOBODY), token))["state"] == "pending"
    await world.vote(token, "carol")
    assert (await world.check(retry(NOBODY, 2), token)).kind is Kind.ALLOW


async def test_a_ticket_of_nobody_in_particular_is_not_somebodys(world: World) -> None:
    """And the other way round."""
    world.anonymous = True
    theirs = await world.approved(NOBODY, "bob", "carol")
    mine = await world.approved()
    for request, token in ((retry(), theirs), (retry(NOBODY), mine)):
        assert body(await world.check(request, token))["type"] == "urn:holdgate:problem:ticket-refused"
    world.anonymous = False
    assert status(await world.check(retry(NOBODY), theirs)) == 403


async def test_a_shared_account_is_nobody_in_particular(world: World) -> None:
    """Several people send with it: no coalescing, one approval more."""
    world.shared = frozenset({f"https%3A%2F%2Fidp.example:{'robot-1'}"})
    robot = gated(claims=sent_by("robot"))
    assert (await world.check(robot)).detail == "principal_unknown"
    world.anonymous = True
    first, second = await world.held(robot), await world.held(robot)
    assert first != second
    assert world.ticket(first).draft.requester.identity.ns == ISSUER
    await world.vote(first, "bob")
    assert body(await world.check(retry(robot), first))["progress"]["needed"] == 2


async def test_a_reason_that_is_wanted_only_now_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approvers judged without it; control: without the comparison the request passes."""
    token = await world.approved()
    world.policy.result = demanding(justification="required")
    assert (await world.check(AGAIN, token)).detail == "justification_missing"
    given = await world.check(with_headers(retry(number=2), (WHY, b"because")), token)
    assert given.detail == "ticket superseded"
    world.policy.result = demanding()
    token = await world.approved(gated(path="/b"))
    world.policy.result = demanding(justification="required")
    monkeypatch.setattr(sufficiency.Sufficiency, "satisfied", lambda *_: True)
    assert (await world.check(retry(gated(path="/b")), token)).kind is Kind.ALLOW
