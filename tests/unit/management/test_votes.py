from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain import voting
from authz.domain.identity import Person
from authz.domain.ticket import State
from authz.services import voting as voting_service
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.people import TokenMaker
from tests.support.sample_tickets import draft
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

APPROVE, REJECT = wire.DECISION_APPROVE, wire.DECISION_REJECT


@pytest.fixture
async def ballot(store: WaitingStore) -> wire.VoteRequest:
    """Return an approval of a ticket that waits."""
    held = (await store.create(draft())).ticket.draft
    return wire.VoteRequest(id=held.id, decision=APPROVE, shown_digest=held.fingerprint.payload_digest)


async def test_an_approver_approves(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, ballot: wire.VoteRequest
) -> None:
    ballot.comment = "fine"
    after = await stub.Vote(ballot, metadata=tokens.metadata("bob"))
    assert after.state == wire.STATE_APPROVED
    assert [(cast.by.id, cast.decision, cast.comment) for cast in after.votes] == [("bob-1", APPROVE, "fine")]
    [vote] = store.tickets[ballot.id].votes
    assert (vote.person, vote.method, vote.shown_digest) == ("bob", "demo", ballot.shown_digest)


async def test_a_rejection_ends_it(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, ballot: wire.VoteRequest
) -> None:
    ballot.decision, ballot.comment = REJECT, "not today"
    assert (await stub.Vote(ballot, metadata=tokens.metadata("bob"))).state == wire.STATE_REJECTED
    assert store.tickets[ballot.id].state is State.REJECTED


async def test_the_same_vote_again_changes_nothing_and_is_no_error(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, ballot: wire.VoteRequest
) -> None:
    first = await stub.Vote(ballot, metadata=tokens.metadata("bob"))
    again = await stub.Vote(ballot, metadata=tokens.metadata("bob"))
    assert again == first
    assert len(store.log) == 3  # created, recorded, approved


async def test_many_votes_at_once_are_one_decision(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker, ballot: wire.VoteRequest
) -> None:
    reject = wire.VoteRequest()
    reject.CopyFrom(ballot)
    reject.decision, reject.comment = REJECT, "no"
    calls = [
        stub.Vote(request, metadata=tokens.metadata(name))
        for request in (ballot, reject)
        for name in ("bob", "carol")
    ]
    answers = await asyncio.gather(*(_outcome(call) for call in calls))
    [decided] = {answer for answer in answers if answer.startswith("STATE")}
    assert decided == wire.State.Name(
        wire.STATE_APPROVED if store.tickets[ballot.id].approved_at else wire.STATE_REJECTED
    )
    assert {answer for answer in answers if not answer.startswith("STATE")} <= {
        "already-decided",
        "already-voted",
    }


async def _outcome(call: grpc.aio.UnaryUnaryCall[wire.VoteRequest, wire.Ticket]) -> str:
    try:
        return wire.State.Name((await call).state)
    except grpc.aio.AioRpcError as error:
        return failure(error).reason


@pytest.mark.parametrize(
    ("name", "changes", "status", "reason"),
    [
        ("alice", {}, "PERMISSION_DENIED", "own-request"),
        ("dave", {}, "PERMISSION_DENIED", "not-an-approver"),
        ("mallory", {}, "PERMISSION_DENIED", "unknown-person"),
        ("bob", {"shown_digest": "0" * 64}, "ABORTED", "stale-view"),
        ("bob", {"shown_digest": ""}, "INVALID_ARGUMENT", "invalid-argument"),
        ("bob", {"shown_digest": "ab"}, "INVALID_ARGUMENT", "invalid-argument"),
        ("bob", {"decision": wire.DECISION_UNSPECIFIED}, "INVALID_ARGUMENT", "invalid-argument"),
        ("bob", {"decision": 7}, "INVALID_ARGUMENT", "invalid-argument"),
        ("bob", {"decision": REJECT}, "INVALID_ARGUMENT", "comment-missing"),
        ("bob", {"comment": "c" * 501}, "INVALID_ARGUMENT", "comment-too-long"),
        ("bob", {"id": draft(9).id}, "NOT_FOUND", "unknown-ticket"),
        ("bob", {"id": "no ticket"}, "NOT_FOUND", "unknown-ticket"),
    ],
)
async def test_a_vote_that_cannot_count_is_refused_and_leaves_the_ticket(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    tokens: TokenMaker,
    ballot: wire.VoteRequest,
    name: str,
    changes: dict[str, str | int],
    status: str,
    reason: str,
) -> None:
    before = dict(store.tickets)
    for field, value in changes.items():
        setattr(ballot, field, value)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Vote(ballot, metadata=tokens.metadata(name))
    said = failure(caught.value)
    assert (said.status, said.reason, said.domain) == (status, reason, "holdgate")
    assert said.message.endswith(".")
    assert store.tickets == before


@pytest.mark.parametrize("guard", ["eligible", "_check_ballot"])
async def test_those_refusals_are_the_voting_services(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    tokens: TokenMaker,
    ballot: wire.VoteRequest,
    monkeypatch: pytest.MonkeyPatch,
    guard: str,
) -> None:
    """Control: with the rule taken out, the very vote that was refused counts."""
    name = "alice" if guard == "eligible" else "bob"
    if guard == "_check_ballot":
        ballot.shown_digest = "0" * 64
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.Vote(ballot, metadata=tokens.metadata(name))
    for module in (voting, voting_service):
        monkeypatch.setattr(
            module, guard, lambda *_: Person(name, name, frozenset(), ""), raising=module is voting
        )
    await stub.Vote(ballot, metadata=tokens.metadata(name))
    assert [vote.person for vote in store.tickets[ballot.id].votes] == [name]


async def test_a_decided_ticket_takes_no_other_vote(
    stub: ApprovalsAsyncStub, tokens: TokenMaker, ballot: wire.VoteRequest
) -> None:
    await stub.Vote(ballot, metadata=tokens.metadata("bob"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Vote(ballot, metadata=tokens.metadata("carol"))
    said = failure(caught.value)
    assert (said.status, said.reason) == ("FAILED_PRECONDITION", "already-decided")
    assert said.message == "This ticket is already approved."
