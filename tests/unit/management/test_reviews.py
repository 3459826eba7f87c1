from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain.events import Event, EventType
from authz.domain.ticket import Ending
from authz.services import reviewing
from authz.services.permissions import Action
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.memory_reviews import MemoryReviews
from tests.support.operators_rule import OperatorsRule
from tests.support.people import TokenMaker
from tests.support.sample_reviews import GLASS, review_draft, used_at
from tests.support.sample_tickets import BODY
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub


@pytest.fixture
async def used(reviews: MemoryReviews, store: WaitingStore) -> str:
    """Return the id of alice's use of break-glass."""
    await reviews.break_glass(review_draft(), used_at(1), BODY)
    store.bodies[review_draft().id] = BODY
    return review_draft().id


def finding(identifier: str, comment: str = "was needed") -> wire.FinishReviewRequest:
    return wire.FinishReviewRequest(id=identifier, comment=comment)


async def test_open_ones_are_listed_by_when_they_are_due(
    stub: ApprovalsAsyncStub, reviews: MemoryReviews, tokens: TokenMaker, used: str
) -> None:
    reviews.now += 1000
    later = review_draft(2)
    await reviews.break_glass(later, used_at(2))
    reviews.now += GLASS.review_within_ms - 1000
    listed = await stub.ListReviews(wire.ListReviewsRequest(), metadata=tokens.metadata("bob"))
    assert [(one.id, one.overdue) for one in listed.reviews] == [(used, True), (later.id, False)]
    assert {one.justification for one in listed.reviews} == {""}
    first = await stub.ListReviews(wire.ListReviewsRequest(limit=1), metadata=tokens.metadata("bob"))
    assert [one.id for one in first.reviews] == [used]


async def test_one_shows_all_that_a_person_has_to_see(
    stub: ApprovalsAsyncStub, tokens: TokenMaker, used: str
) -> None:
    shown = await stub.GetReview(wire.GetReviewRequest(id=used), metadata=tokens.metadata("bob"))
    assert (shown.rule, shown.group, shown.requester.id) == ("break-glass", "sre", "alice-1")
    assert shown.justification == "paged at three, orders are failing"
    assert shown.request.body == BODY
    assert [header.name for header in shown.request.headers] == ["content-type"]
    assert [(fact.title, fact.value) for fact in shown.facts] == [("Incident", "INC-7")]
    assert not shown.HasField("done_at")


async def test_a_finding_ends_it_once(
    stub: ApprovalsAsyncStub, reviews: MemoryReviews, tokens: TokenMaker, used: str
) -> None:
    done = await stub.FinishReview(finding(used), metadata=tokens.metadata("bob"))
    assert (done.done.by.id, done.done.comment) == ("bob-1", "was needed")
    assert done.done_at.ToMilliseconds() == reviews.now
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.FinishReview(finding(used), metadata=tokens.metadata("carol"))
    assert (failure(caught.value).status, failure(caught.value).reason) == (
        "FAILED_PRECONDITION",
        "already-reviewed",
    )
    assert not (await stub.ListReviews(wire.ListReviewsRequest(), metadata=tokens.metadata("bob"))).reviews


@pytest.mark.parametrize(
    ("name", "identifier", "comment", "status", "reason"),
    [
        ("alice", "", "was needed", "PERMISSION_DENIED", "own-request"),
        ("mallory", "", "was needed", "PERMISSION_DENIED", "unknown-person"),
        ("bob", "", " ", "INVALID_ARGUMENT", "comment-missing"),
        ("bob", "", "c" * 501, "INVALID_ARGUMENT", "comment-too-long"),
        ("bob", review_draft(9).id, "was needed", "NOT_FOUND", "unknown-review"),
        ("bob", "nonsense", "was needed", "NOT_FOUND", "unknown-review"),
    ],
)
async def test_a_finding_that_cannot_count_is_refused(
    stub: ApprovalsAsyncStub,
    reviews: MemoryReviews,
    tokens: TokenMaker,
    used: str,
    name: str,
    identifier: str,
    comment: str,
    status: str,
    reason: str,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.FinishReview(finding(identifier or used, comment), metadata=tokens.metadata(name))
    assert (failure(caught.value).status, failure(caught.value).reason) == (status, reason)
    assert reviews.kept[used].done_at is None


async def test_without_the_services_rule_they_would_review_themselves(
    stub: ApprovalsAsyncStub,
    reviews: MemoryReviews,
    tokens: TokenMaker,
    used: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control of the refusal above."""
    monkeypatch.setattr(
        reviewing,
        "_finding",
        lambda _found, actor, comment: Ending(actor.identity, "", "", "", comment),
    )
    await stub.FinishReview(finding(used), metadata=tokens.metadata("alice"))
    assert reviews.kept[used].done_at is not None


async def test_the_operators_rule_says_who_may_look_and_finish(
    stub: ApprovalsAsyncStub, reviews: MemoryReviews, rule: OperatorsRule, tokens: TokenMaker, used: str
) -> None:
    who = tokens.metadata("bob")
    rule.denied = {Action.VIEW, Action.REVIEW}
    assert not (await stub.ListReviews(wire.ListReviewsRequest(), metadata=who)).reviews
    for call in (
        stub.GetReview(wire.GetReviewRequest(id=used), metadata=who),
        stub.FinishReview(finding(used), metadata=who),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert failure(caught.value).reason == "not-permitted"
    assert reviews.kept[used].done_at is None


async def test_a_watcher_is_told_of_break_glass_as_far_as_they_may_look(
    stub: ApprovalsAsyncStub, store: WaitingStore, rule: OperatorsRule, tokens: TokenMaker, used: str
) -> None:
    def happened(identifier: str) -> None:
        position = str(len(store.log) + 1)
        store.log.append(Event(position, EventType.BREAKGLASS_USED, identifier, 1, store.now, {}))

    hidden = review_draft(2).id
    happened(used)
    happened(hidden)  # of which nothing is kept
    stream = stub.Watch(wire.WatchRequest(after="0"), metadata=tokens.metadata("bob"))
    async with asyncio.timeout(5):
        events = [await stream.read() for _ in range(2)]
    stream.cancel()
    first, second = (event for event in events if isinstance(event, wire.Event))
    assert (first.type, first.ticket_id, first.review.rule) == ("breakglass.used", used, "break-glass")
    assert not first.HasField("ticket")
    assert (second.ticket_id, second.HasField("review")) == (hidden, False)
    rule.denied = {(Action.VIEW, used)}
    stream = stub.Watch(wire.WatchRequest(after="0"), metadata=tokens.metadata("bob"))
    async with asyncio.timeout(5):
        event = await stream.read()
    stream.cancel()
    assert isinstance(event, wire.Event)
    assert event.ticket_id == hidden
