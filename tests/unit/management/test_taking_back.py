from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain import voting
from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import PolicyMalformed
from authz.domain.ticket import State
from authz.services.permissions import Action
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.operators_rule import OperatorsRule
from tests.support.people import TokenMaker
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT, draft, vote
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
ACTIONS: dict[
    str, Callable[[ApprovalsAsyncStub, str, tuple[tuple[str, str], ...]], Awaitable[wire.Ticket]]
] = {
    "Withdraw": lambda stub, id_, who: stub.Withdraw(wire.WithdrawRequest(id=id_), metadata=who),
    "Cancel": lambda stub, id_, who: stub.Cancel(wire.CancelRequest(id=id_, comment="no more"), metadata=who),
    "Revoke": lambda stub, id_, who: stub.Revoke(
        wire.RevokeRequest(id=id_, comment="too soon"), metadata=who
    ),
}


@pytest.fixture
async def pending(store: WaitingStore) -> str:
    """Return the id of a ticket with bob's approval, which waits for one more."""
    ticket = (await store.create(draft(requirement=TWO))).ticket
    await store.vote(ticket.id, 1, [vote()], State.PENDING, {})
    return ticket.id


@pytest.fixture
async def granted(store: WaitingStore) -> str:
    """Return the id of an approved ticket."""
    ticket = (await store.create(draft(1))).ticket
    await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    return ticket.id


async def test_a_vote_is_taken_back(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, pending: str
) -> None:
    after = await ACTIONS["Withdraw"](stub, pending, tokens.metadata("bob"))
    assert (after.state, after.progress.given, len(after.votes)) == (wire.STATE_PENDING, 0, 0)
    assert store.tickets[pending].votes == ()


async def test_a_request_is_taken_back_by_who_asked(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, pending: str
) -> None:
    after = await ACTIONS["Cancel"](stub, pending, tokens.metadata("alice"))
    assert after.state == wire.STATE_CANCELLED
    assert (after.ending.by.id, after.ending.comment) == ("alice-1", "no more")
    assert store.tickets[pending].state is State.CANCELLED


@pytest.mark.parametrize("name", ["alice", "carol"])
async def test_a_grant_is_taken_back_by_who_asked_and_by_who_may_approve(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, granted: str, name: str
) -> None:
    after = await ACTIONS["Revoke"](stub, granted, tokens.metadata(name))
    assert after.state == wire.STATE_REVOKED
    assert (after.ending.by.id, after.ending.comment) == (f"{name}-1", "too soon")
    assert store.tickets[granted].state is State.REVOKED


@pytest.mark.parametrize(
    ("call", "name", "which", "status", "reason"),
    [
        ("Withdraw", "carol", "pending", "FAILED_PRECONDITION", "not-voted"),
        ("Withdraw", "bob", "granted", "FAILED_PRECONDITION", "already-decided"),
        ("Cancel", "bob", "pending", "PERMISSION_DENIED", "not-your-request"),
        ("Cancel", "mallory", "pending", "PERMISSION_DENIED", "not-your-request"),
        ("Cancel", "alice", "granted", "FAILED_PRECONDITION", "already-decided"),
        ("Revoke", "dave", "granted", "PERMISSION_DENIED", "not-an-approver"),
        ("Revoke", "carol", "pending", "FAILED_PRECONDITION", "not-approved"),
        ("Revoke", "carol", "none", "NOT_FOUND", "unknown-ticket"),
        ("Withdraw", "bob", "nonsense", "NOT_FOUND", "unknown-ticket"),
    ],
)
async def test_what_cannot_be_taken_back_is_refused_and_stays(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    tokens: TokenMaker,
    pending: str,
    granted: str,
    call: str,
    name: str,
    which: str,
    status: str,
    reason: str,
) -> None:
    before = dict(store.tickets)
    ids = {"pending": pending, "granted": granted, "none": draft(7).id, "nonsense": "no ticket"}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ACTIONS[call](stub, ids[which], tokens.metadata(name))
    assert (failure(caught.value).status, failure(caught.value).reason) == (status, reason)
    assert store.tickets == before


async def test_without_the_domains_rule_anybody_could_cancel(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    tokens: TokenMaker,
    pending: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control: it is that rule which refuses bob above."""
    monkeypatch.setattr(voting, "is_requester", lambda *_: True)
    await ACTIONS["Cancel"](stub, pending, tokens.metadata("bob"))
    assert store.tickets[pending].state is State.CANCELLED


@pytest.mark.parametrize(
    ("call", "action", "name", "which"),
    [
        ("Withdraw", Action.WITHDRAW, "bob", "pending"),
        ("Cancel", Action.CANCEL, "alice", "pending"),
        ("Revoke", Action.REVOKE, "carol", "granted"),
    ],
)
@pytest.mark.parametrize("malformed", [False, True])
async def test_the_operators_rule_is_asked_and_a_broken_one_changes_nothing(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    rule: OperatorsRule,
    tokens: TokenMaker,
    pending: str,
    granted: str,
    call: str,
    action: Action,
    name: str,
    which: str,
    malformed: bool,
) -> None:
    identifier = {"pending": pending, "granted": granted}[which]
    before = dict(store.tickets)
    rule.error = PolicyMalformed("secret-7f") if malformed else None
    rule.denied, rule.reason = {action}, "Not on a Friday."
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ACTIONS[call](stub, identifier, tokens.metadata(name))
    said = failure(caught.value)
    if malformed:
        assert (said.status, said.reason) == ("UNAVAILABLE", "rule-malformed")
        assert "secret-7f" not in said.message
    else:
        assert (said.status, said.reason, said.message) == (
            "PERMISSION_DENIED",
            "not-permitted",
            "Not on a Friday.",
        )
    assert store.tickets == before
    rule.error, rule.denied = None, set()
    await ACTIONS[call](stub, identifier, tokens.metadata(name))
    assert store.tickets != before


async def test_a_superseded_ticket_names_the_one_that_took_its_place(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, pending: str
) -> None:
    after = replace(store.tickets[pending], state=State.SUPERSEDED, replaced_by=draft(9).id)
    store.tickets[pending] = after
    shown = await stub.Get(wire.GetRequest(id=pending), metadata=tokens.metadata("bob"))
    assert (shown.state, shown.replaced_by) == (wire.STATE_SUPERSEDED, draft(9).id)
