"""Looking at uses of break-glass afterwards: a task that stays open until somebody did it."""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.approver import Approver
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.ticket import Ending
from authz.domain.voting import check_comment
from authz.services.permissions import Action, Permission, VoteRule
from authz.services.review_port import Reviewed, ReviewStore
from authz.services.vote_subject import review_subject

REVIEWS_MAX = 200


class ReviewingService:
    """Lists open reviews and takes their results.

    Raises VoteRefused, PolicyUnavailable, PolicyMalformed, StoreUnavailable and RecordUnreadable.
    """

    def __init__(
        self, reviews: ReviewStore, rule: VoteRule, reviewers: Sequence[Approver] = (), *, timeout: float
    ) -> None:
        """`timeout` bounds each question to the rule, in seconds.

        `reviewers` may review beside the group that broke the glass: whoever did it may be the only one in there.
        """
        self._reviews = reviews
        self._rule = rule
        self._reviewers = reviewers
        self._timeout = timeout

    async def waiting(self, limit: int = REVIEWS_MAX) -> Sequence[Reviewed]:
        """Return the open reviews, the one that is due first before the others."""
        return await self._reviews.reviews(min(limit, REVIEWS_MAX))

    async def known(self, review_id: str) -> Reviewed | None:
        """Return one review, open or not; None when there is none (any more)."""
        return await self._reviews.review(review_id)

    async def find(self, review_id: str) -> Reviewed:
        """Return one review, open or not."""
        found = await self.known(review_id)
        if found is None:
            code = "unknown-review"
            raise VoteRefused(code, "There is no such review.")
        return found

    async def may_view(self, actor: Actor, found: Reviewed) -> bool:
        """Say whether somebody may look: people whom the directory knows, if the rule agrees."""
        if actor.person is None:
            return False
        subject = review_subject(found.review.draft, self._reviewers)
        return (await self._rule.permits(Action.VIEW, actor, subject, self._timeout)).allowed

    async def may_finish(self, actor: Actor, found: Reviewed) -> bool:
        """Say whether an open review is one for somebody: they may look, and what they found would count."""
        if self.refusal(actor, found) is not None or not await self.may_view(actor, found):
            return False
        return (await self._permission(actor, found)).allowed

    @staticmethod
    def refusal(actor: Actor, found: Reviewed) -> VoteRefused | None:
        """Return why the code itself would refuse a finding of this person, None where it wouldn't."""
        try:
            _finding(found, actor, "looked at it")
        except VoteRefused as refused:
            return refused
        return None

    async def finish(self, review_id: str, actor: Actor, comment: str) -> Reviewed:
        """Note that somebody looked at it, with what they found; never who broke the glass."""
        found = await self.find(review_id)
        ending = _finding(found, actor, comment)
        permission = await self._permission(actor, found)
        if not permission.allowed:
            code = "not-permitted"
            raise VoteRefused(code, permission.reason or "The operator's rule doesn't let you do this.")
        done = await self._reviews.finish_review(review_id, ending)
        if done is None:
            raise _already_done()
        return done

    async def _permission(self, actor: Actor, found: Reviewed) -> Permission:
        subject = review_subject(found.review.draft, self._reviewers)
        return await self._rule.permits(Action.REVIEW, actor, subject, self._timeout)


def _finding(found: Reviewed, actor: Actor, comment: str) -> Ending:
    draft = found.review.draft
    if actor.person is None:
        code = "unknown-person"
        raise VoteRefused(code, "The directory doesn't know you, so your review can't count.")
    if actor.person.id == draft.person or actor.identity == draft.requester.identity:
        code = "own-request"
        raise VoteRefused(code, "You did this yourself, so somebody else has to look at it.")
    if found.review.done_at is not None:
        raise _already_done()
    check_comment(comment)
    if not comment.strip():
        code = "comment-missing"
        raise VoteRefused(code, "Say in a few words what you found.")
    return Ending(actor.identity, actor.name, actor.person.id, actor.method, comment)


def _already_done() -> VoteRefused:
    code = "already-reviewed"
    return VoteRefused(code, "Somebody has reviewed this already.")
