"""What break-glass needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from authz.domain.break_glass import Review, ReviewDraft
from authz.domain.request import CheckId
from authz.domain.ticket import Ending


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review and Redis's time of the same moment (epoch ms)."""

    review: Review
    now: int


class ReviewStore(Protocol):
    """Uses of break-glass and the reviews they leave behind, each step with its audit event and outbox entry.

    Every method raises StoreUnavailable, and RecordUnreadable where it reads a record.
    """

    async def break_glass(self, draft: ReviewDraft, check: CheckId, body: bytes = b"") -> Reviewed:
        """Write a use down, before its request is let through.

        The same Check again (never one without an id) is the same use, and gets the review that it has. `body` is
        left out where there is hardly room for what has to be kept. Raises BreakGlassExhausted where too many wait
        for a review, or come too fast; nothing is written then.
        """
        ...

    async def review(self, review_id: str) -> Reviewed | None:
        """Return a review, None when there is none by this id."""
        ...

    async def reviews(self, limit: int) -> Sequence[Reviewed]:
        """Return up to `limit` open reviews, the one that is due first before the others."""
        ...

    async def finish_review(self, review_id: str, ending: Ending) -> Reviewed | None:
        """Mark an open review as done; None when there is none by this id that is open."""
        ...
