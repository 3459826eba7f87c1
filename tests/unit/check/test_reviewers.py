"""Who may review a use of break-glass: somebody else, even where its group is one person."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.services.permissions import Action, BuiltInRule
from authz.services.reviewing import ReviewingService
from authz.services.vote_subject import review_subject
from tests.support.memory_reviews import MemoryReviews
from tests.support.sample_reviews import review_draft, used_at
from tests.support.sample_tickets import ISSUER

LEADS = Approver(ApproverKind.GROUP, "leads")
ANYBODY = Approver(ApproverKind.ANY)


def somebody(name: str, *groups: str, account: str = "") -> Actor:
    person = Person(name, name, frozenset(groups), "test")
    return Actor(Identity(ISSUER, account or f"{name}-1"), name, person, "demo", 0)


async def refusal(reviewers: Sequence[Approver], actor: Actor) -> str:
    """Return the code that this person's finding is refused with, or nothing."""
    reviews = MemoryReviews()
    await reviews.break_glass(review_draft(), used_at(1))
    service = ReviewingService(reviews, BuiltInRule(), reviewers, timeout=1)
    try:
        await service.finish(review_draft().id, actor, "was needed")
    except VoteRefused as refused:
        assert reviews.kept[review_draft().id].done_at is None
        return refused.code
    assert reviews.kept[review_draft().id].done_at is not None
    return ""


@pytest.mark.parametrize(
    ("reviewers", "actor", "code"),
    [
        ([], somebody("bob", "sre"), ""),
        ([], somebody("carol", "leads"), "not-permitted"),
        ([LEADS], somebody("carol", "leads"), ""),
        ([LEADS], somebody("bob", "sre"), ""),
        ([LEADS], somebody("dave", "developers"), "not-permitted"),
        ([ANYBODY], somebody("dave"), ""),
    ],
)
async def test_the_group_reviews_and_so_do_default_approvers(
    reviewers: Sequence[Approver], actor: Actor, code: str
) -> None:
    assert await refusal(reviewers, actor) == code


@pytest.mark.parametrize("reviewers", [[], [LEADS], [ANYBODY]])
@pytest.mark.parametrize("account", ["", "alice-2"])
async def test_who_did_it_never_reviews_it(reviewers: Sequence[Approver], account: str) -> None:
    """With whatever account and whatever groups."""
    assert await refusal(reviewers, somebody("alice", "sre", "leads", account=account)) == "own-request"


async def test_strangers_review_nothing_even_where_anybody_may() -> None:
    stranger = Actor(Identity(ISSUER, "mallory-1"), "mallory", None, "demo", 0)
    assert await refusal([ANYBODY], stranger) == "unknown-person"
    subject = review_subject(review_draft(), [ANYBODY])
    permission = await BuiltInRule().permits(Action.REVIEW, stranger, subject, 1)
    assert not permission.allowed


def test_an_operators_rule_is_told_of_the_reviewers_for_the_review_alone() -> None:
    """Else the library's rule would let default approvers break the glass."""
    assert review_subject(review_draft())["approvers"] == [[{"group": "sre", "count": 1}]]
    assert review_subject(review_draft(), [LEADS, ANYBODY])["approvers"] == [
        [{"group": "sre", "count": 1}, {"group": "leads", "count": 1}, {"any": True, "count": 1}]
    ]
