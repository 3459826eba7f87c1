"""The card of a use of break-glass: who went through without an approval, with what, and until when it is reviewed."""

from __future__ import annotations

from authz.adapters.cards.rows import (
    CardLimits,
    Row,
    done_rows,
    fact_rows,
    ours,
    request_row,
    said_rows,
    shown_rows,
    somebody_row,
    text_rows,
)
from authz.adapters.cards.wording import moment, review_headline, review_line, review_link
from authz.adapters.teams.card import section_of
from authz.adapters.teams.elements import AdaptiveCard, Element, box, card, own_words, wide_row
from authz.domain.break_glass import Review
from authz.services.ports import Alarm


def alarm_card(alarm: Alarm, public_url: str, limits: CardLimits) -> AdaptiveCard:
    """Return a short card; it is the alarm at first, and says the outcome once the review is done."""
    review = alarm.review
    done = review.done_at is not None
    words = review_headline(review)
    body: list[Element] = [
        box(
            "good" if done else "attention",
            own_words(words, large=True),
            own_words(review_line(review)),
        ),
        *wide_row(request_row(review.draft.request, limits, "What ran")),
        *section_of(_use(review, limits)),
        *section_of(done_rows("Reviewed by", review.done_by, limits)),
        *section_of(fact_rows(_facts(review))),
    ]
    summary = f"{words}, rule {review.draft.break_glass.rule}"
    button = "Open the review" if done else "Look and review"
    return card(summary, body, button, review_link(public_url, review))


def _use(review: Review, limits: CardLimits) -> list[Row]:
    draft = review.draft
    terms = draft.break_glass
    return [
        somebody_row("Who", draft.requester, limits),
        *said_rows(draft.justification, limits),
        Row("Rule", ((ours(terms.rule),),)),
        *text_rows("Reason", terms.reason, limits),
        *shown_rows(terms.show, limits),
    ]


def _facts(review: Review) -> list[tuple[str, str]]:
    used = ("Used at", moment(review.used_at))
    return [used] if review.done_at is None else [used, ("Reviewed at", moment(review.done_at))]
