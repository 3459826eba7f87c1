"""What is posted to Slack of a use of break-glass: who went through with what, and until when somebody looks at it."""

from __future__ import annotations

from authz.adapters.cards.rows import (
    CardLimits,
    Piece,
    Row,
    done_rows,
    ours,
    request_row,
    said_rows,
    shown_rows,
    somebody,
)
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import review_headline, review_line, review_link
from authz.adapters.slack.blocks import Block, actions, header, link_button, words
from authz.adapters.slack.message import Message, fitting
from authz.adapters.slack.row_blocks import row_blocks, standing_out
from authz.domain.break_glass import Review
from authz.services.ports import Alarm


def alarm_message(alarm: Alarm, public_url: str) -> Message:
    """Return the alarm at first, and the outcome once the review is done. Raises DeliveryRefused."""
    review = alarm.review
    headline = review_headline(review)
    link = review_link(public_url, review)
    text = f"{headline}, rule {review.draft.break_glass.rule}: {link}"
    return fitting(text, lambda limits: _blocks(review, headline, link, limits), review.id)


def _blocks(review: Review, headline: str, link: str, limits: CardLimits) -> list[Block]:
    done = review.done_at is not None
    rows = [block for row in _rows(review, limits) for block in row_blocks(row)]
    return [
        header(headline),
        words(review_line(review)),
        *standing_out(request_row(review.draft.request, limits)),
        *rows,
        actions(link_button("Open the review" if done else "Look and review", link)),
    ]


def _rows(review: Review, limits: CardLimits) -> list[Row]:
    draft = review.draft
    terms = draft.break_glass
    rows = [Row("Who", ((Piece(somebody(draft.requester.identity, draft.requester.name, limits)),),))]
    rows.append(Row("Rule", ((ours(terms.rule),),)))
    if terms.reason:
        rows.append(Row("The rule says", ((Piece(one_line(terms.reason, limits.sentence)),),)))
    rows += said_rows(draft.justification, limits)
    rows += shown_rows(terms.show, limits)
    return [*rows, *done_rows("Reviewed by", review.done_by, limits)]
