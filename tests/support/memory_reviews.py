"""Uses of break-glass in a dictionary, behind the services' ReviewStore port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from authz.domain.break_glass import Review, ReviewDraft
from authz.domain.errors import BreakGlassExhausted, StoreUnavailable
from authz.domain.request import CheckId
from authz.domain.ticket import Ending
from authz.services.review_port import Reviewed
from tests.support.memory_store import START_MS


class MemoryReviews:
    """Time stands still until a test moves `now`; `calls` counts the calls.

    While `down` is set, every call raises StoreUnavailable. Beyond `max_open` there is no room for a use.
    """

    def __init__(self, *, max_open: int = 1000) -> None:
        self.now = START_MS
        self.down = False
        self.calls = 0
        self.max_open = max_open
        self.kept: dict[str, Review] = {}
        self.bodies: dict[str, bytes] = {}
        self._checks: dict[CheckId, str] = {}

    async def break_glass(self, draft: ReviewDraft, check: CheckId, body: bytes = b"") -> Reviewed:
        self._up()
        known = self._checks.get(check) if check.http_id else None
        if known:
            return Reviewed(self.kept[known], self.now)
        if sum(review.done_at is None for review in self.kept.values()) >= self.max_open:
            scope = "total"
            raise BreakGlassExhausted(scope, self.max_open)
        review = Review(draft, self.now, self.now + draft.break_glass.review_within_ms)
        self.kept[draft.id] = review
        self.bodies[draft.id] = body
        self._checks[check] = draft.id
        return Reviewed(review, self.now)

    async def review(self, review_id: str) -> Reviewed | None:
        self._up()
        review = self.kept.get(review_id)
        return Reviewed(review, self.now) if review else None

    async def reviews(self, limit: int) -> Sequence[Reviewed]:
        self._up()
        still_open = [review for review in self.kept.values() if review.done_at is None]
        by_due = sorted(still_open, key=lambda review: review.due_at)
        return [Reviewed(review, self.now) for review in by_due[:limit]]

    async def finish_review(self, review_id: str, ending: Ending) -> Reviewed | None:
        self._up()
        review = self.kept.get(review_id)
        if review is None or review.done_at is not None:
            return None
        self.kept[review_id] = replace(review, done_at=self.now, done_by=ending)
        return Reviewed(self.kept[review_id], self.now)

    def _up(self) -> None:
        self.calls += 1
        if self.down:
            msg = "the test took the store down"
            raise StoreUnavailable(msg)
