"""A use of break-glass as a page shows it to one person."""

from __future__ import annotations

from authz.domain.identity import Actor
from authz.domain.token import short_code
from authz.entrypoints.console.body_view import BodyView, shown_body
from authz.entrypoints.console.wire_headers import shown_headers
from authz.services.review_port import Reviewed
from authz.services.reviewing import ReviewingService


class BreakGlassView:
    """What the templates ask of a review; everything in it is as untrusted as it was in the request."""

    pending = False
    """It has run already: the words for a request that waits don't fit."""

    absent_headers: tuple[str, ...] = ()

    def __init__(self, found: Reviewed, actor: Actor, *, body: bytes | None = None) -> None:
        """`body` is what is kept of the request's, for a page that shows it."""
        self._body = body
        self.review = found.review
        self.draft = found.review.draft
        self.terms = self.draft.break_glass
        self.request = self.draft.request
        self.now = found.now
        refused = ReviewingService.refusal(actor, found)
        self.sentence = str(refused) if refused else ""

    @property
    def code(self) -> str:
        """The short code."""
        return short_code(self.review.id)

    @property
    def done(self) -> bool:
        """Whether somebody has looked at it."""
        return self.review.done_at is not None

    @property
    def overdue(self) -> bool:
        """Whether it is late."""
        return not self.done and self.now >= self.review.due_at

    @property
    def digest(self) -> str:
        """The payload digest: what the form on this page names."""
        return self.draft.payload_digest

    @property
    def body(self) -> BodyView:
        """The body that was sent through."""
        return shown_body(self.request, self._body)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that were kept."""
        return shown_headers(self.request)
