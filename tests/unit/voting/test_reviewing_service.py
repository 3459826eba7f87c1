"""What the service asks for each step of a review, and what it has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.ticket import Ending
from authz.domain.voting import COMMENT_MAX
from authz.services.permissions import Action, Permission
from authz.services.review_port import Reviewed
from authz.services.reviewing import REVIEWS_MAX, ReviewingService
from tests.support.memory_reviews import MemoryReviews
from tests.support.sample_reviews import review_draft, used_at
from tests.support.sample_tickets import ISSUER
from tests.support.sentences import is_prose

TIMEOUT = 0.75
LEADS = Approver(ApproverKind.GROUP, "leads")
ASKED = [[{"group": "sre", "count": 1}, {"group": "leads", "count": 1}]]


@dataclass
class Asked:
    """A rule: `questions` has what it was asked, `answer` is what it says but of what is `denied`."""

    answer: Permission = Permission(allowed=True)  # noqa: RUF009 - frozen
    questions: list[tuple[object, ...]] = field(default_factory=list)
    denied: set[Action] = field(default_factory=set)

    async def permits(
        self, action: Action, actor: Actor, subject: Mapping[str, object], timeout: float
    ) -> Permission:
        self.questions.append((action, actor, subject["id"], subject["approvers"], timeout))
        return Permission(allowed=False) if action in self.denied else self.answer


@pytest.fixture
def reviews() -> MemoryReviews:
    return MemoryReviews()


@pytest.fixture
def rule() -> Asked:
    return Asked()


@pytest.fixture
def service(reviews: MemoryReviews, rule: Asked) -> ReviewingService:
    return ReviewingService(reviews, rule, (LEADS,), timeout=TIMEOUT)


@pytest.fixture
async def used(reviews: MemoryReviews) -> Reviewed:
    """Return alice's use of break-glass."""
    return await reviews.break_glass(review_draft(), used_at(1))


def actor(name: str = "bob", account: str = "") -> Actor:
    person = Person(name, name, frozenset({"sre"}), "test")
    return Actor(Identity(ISSUER, account or f"{name}-1"), f"{name} of the token", person, "passkey", 0)


STRANGER = replace(actor("mallory"), person=None)


async def test_the_list_is_bounded_whatever_is_asked_for(
    service: ReviewingService, reviews: MemoryReviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []

    async def listed(limit: int) -> list[Reviewed]:
        limits.append(limit)
        return []

    monkeypatch.setattr(reviews, "reviews", listed)
    await service.waiting()
    await service.waiting(5)
    await service.waiting(REVIEWS_MAX + 1)
    assert limits == [REVIEWS_MAX, 5, REVIEWS_MAX]


async def test_a_review_is_found_by_its_id_whether_or_not_it_is_open(
    service: ReviewingService, used: Reviewed
) -> None:
    assert await service.find(used.review.id) == await service.known(used.review.id) == used
    done = await service.finish(used.review.id, actor(), "was needed")
    assert await service.find(used.review.id) == done
    assert await service.known(review_draft(9).id) is None


async def test_who_may_look_is_the_rules_to_say_of_people_whom_the_directory_knows(
    service: ReviewingService, used: Reviewed, rule: Asked
) -> None:
    assert not await service.may_view(STRANGER, used)
    assert not rule.questions
    assert await service.may_view(actor(), used)
    assert rule.questions == [(Action.VIEW, actor(), used.review.id, ASKED, TIMEOUT)]
    rule.answer = Permission(allowed=False)
    assert not await service.may_view(actor(), used)


async def test_a_finding_is_noted_with_who_looked(
    service: ReviewingService, reviews: MemoryReviews, used: Reviewed, rule: Asked
) -> None:
    done = await service.finish(used.review.id, actor(), "was needed")
    assert done.review == reviews.kept[used.review.id]
    ending = Ending(Identity(ISSUER, "bob-1"), "bob of the token", "bob", "passkey", "was needed")
    assert (done.review.done_by, done.review.done_at) == (ending, reviews.now)
    assert rule.questions == [(Action.REVIEW, actor(), used.review.id, ASKED, TIMEOUT)]


@pytest.mark.parametrize(
    ("who", "comment", "code", "said"),
    [
        (STRANGER, "ok", "unknown-person", "directory"),
        (actor("alice"), "ok", "own-request", "yourself"),
        (actor("alice", "alice-in-slack"), "ok", "own-request", "yourself"),
        (actor("mallory", "alice-1"), "ok", "own-request", "yourself"),
        (actor(), " ", "comment-missing", "what you found"),
        (actor(), "x" * (COMMENT_MAX + 1), "comment-too-long", "501 characters"),
    ],
)
async def test_a_finding_that_cannot_count_is_refused_before_anybody_is_asked(
    service: ReviewingService, used: Reviewed, rule: Asked, who: Actor, comment: str, code: str, said: str
) -> None:
    with pytest.raises(VoteRefused, match=said) as refused:
        await service.finish(used.review.id, who, comment)
    assert refused.value.code == code
    assert is_prose(str(refused.value))
    assert not rule.questions
    assert (await service.find(used.review.id)).review.done_at is None


async def test_a_review_that_is_not_there_is_said_to_be_none(service: ReviewingService) -> None:
    with pytest.raises(VoteRefused) as refused:
        await service.finish(review_draft(9).id, actor(), "was needed")
    assert refused.value.code == "unknown-review"
    assert is_prose(str(refused.value))


async def test_only_the_first_finding_counts(
    service: ReviewingService, reviews: MemoryReviews, used: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the second one comes later or at the same moment."""

    async def too_late(*_: object) -> None:
        return None

    with monkeypatch.context() as racing:
        racing.setattr(reviews, "finish_review", too_late)
        with pytest.raises(VoteRefused) as lost:
            await service.finish(used.review.id, actor(), "was needed")
    await service.finish(used.review.id, actor(), "was needed")
    with pytest.raises(VoteRefused) as second:
        await service.finish(used.review.id, actor("carol"), "me too")
    for refused in (lost.value, second.value):
        assert refused.code == "already-reviewed"
        assert is_prose(str(refused))


@pytest.mark.parametrize("reason", ["Not on a Friday.", ""])
async def test_a_rule_that_refuses_is_obeyed_and_its_reason_told(
    service: ReviewingService, used: Reviewed, rule: Asked, reason: str
) -> None:
    rule.answer = Permission(allowed=False, reason=reason)
    with pytest.raises(VoteRefused) as refused:
        await service.finish(used.review.id, actor(), "was needed")
    assert refused.value.code == "not-permitted"
    assert str(refused.value) == reason or (not reason and is_prose(str(refused.value)))
    assert (await service.find(used.review.id)).review.done_at is None


async def test_a_page_knows_beforehand_whom_the_code_would_refuse(
    service: ReviewingService, used: Reviewed
) -> None:
    assert service.refusal(actor(), used) is None
    refused = service.refusal(actor("alice"), used)
    assert refused is not None
    assert refused.code == "own-request"


@pytest.mark.parametrize(
    ("who", "denied", "may"),
    [
        (actor(), set(), True),
        (actor("alice"), set(), False),
        (STRANGER, set(), False),
        (actor(), {Action.VIEW}, False),
        (actor(), {Action.REVIEW}, False),
    ],
    ids=["somebody", "who did it", "a stranger", "who may not look", "who may not review"],
)
async def test_a_form_is_for_whom_neither_the_code_nor_the_rule_would_refuse(
    service: ReviewingService, used: Reviewed, rule: Asked, who: Actor, denied: set[Action], may: bool
) -> None:
    rule.denied = denied
    assert await service.may_finish(who, used) is may
    asked = [(Action.VIEW, who, used.review.id), (Action.REVIEW, who, used.review.id)]
    assert [question[:3] for question in rule.questions] == (asked if may else asked[: len(rule.questions)])
    assert (await service.find(used.review.id)).review.done_at is None
