"""A use of break-glass as the API shows it to people who may review it."""

from __future__ import annotations

from authz.domain.token import short_code
from authz.entrypoints.management.ticket_message import (
    ending_message,
    facts,
    identity_message,
    request_summary,
    timestamp,
    utf8,
    whole_request,
)
from authz.services.review_port import Reviewed
from authz.wire.holdgate.v1 import approvals_pb2 as wire


def review_summary(found: Reviewed) -> wire.Review:
    """Return what a list shows: bounded in size, whatever the review holds."""
    review = found.review
    draft = review.draft
    terms = draft.break_glass
    return wire.Review(
        id=review.id,
        short_code=short_code(review.id),
        rule=utf8(terms.rule),
        reason=utf8(terms.reason),
        group=utf8(terms.group),
        requester=identity_message(draft.requester.identity, draft.requester.name),
        request=request_summary(draft.request),
        used_at=timestamp(review.used_at),
        due_at=timestamp(review.due_at),
        overdue=review.done_at is None and found.now >= review.due_at,
        done_at=timestamp(review.done_at) if review.done_at is not None else None,
        done=ending_message(review.done_by) if review.done_by else None,
    )


def review_message(found: Reviewed, body: bytes | None) -> wire.Review:
    """Return everything; `body` is what is kept of the request's."""
    message = review_summary(found)
    draft = found.review.draft
    message.request.CopyFrom(whole_request(draft.request, body))
    message.justification = utf8(draft.justification)
    message.facts.extend(facts(draft.break_glass.show))
    return message
