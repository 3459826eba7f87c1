"""The card of a use of break-glass: who went through without an approval, with what, and until when it is reviewed."""

from __future__ import annotations

from authz.adapters.cards.secrets import mask_pairs
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import moment, review_headline, review_link
from authz.adapters.teams.card import CardLimits, some
from authz.adapters.teams.elements import AdaptiveCard, Element, box, card, fact_set, own_words, row
from authz.domain.break_glass import Review
from authz.domain.identity import Identity
from authz.domain.token import short_code
from authz.services.ports import Alarm


def alarm_card(alarm: Alarm, public_url: str, limits: CardLimits) -> AdaptiveCard:
    """Return a short card; it is the alarm at first, and says the outcome once the review is done."""
    review = alarm.review
    done = review.done_at is not None
    words = review_headline(review)
    body: list[Element] = [
        box("good" if done else "attention", own_words(words, large=True)),
        *_use(review, limits),
        *_done(review, limits),
        fact_set(_facts(review)),
    ]
    summary = f"{words}, rule {review.draft.break_glass.rule}"
    button = "Open the review" if done else "Look and review"
    return card(summary, body, button, review_link(public_url, review))


def _use(review: Review, limits: CardLimits) -> list[Element]:
    draft = review.draft
    request, terms = draft.request, draft.break_glass
    path, question_mark, query = request.target.partition("?")
    target = f"{request.method} {request.scheme}://{request.host}{path}{question_mark}{mask_pairs(query)}"
    rows: list[Element] = [
        row("Who", _person(draft.requester.identity, draft.requester.name, limits)),
        row("Request", one_line(target, limits.target)),
    ]
    if terms.reason:
        rows.append(row("The rule says", one_line(terms.reason, limits.sentence)))
    if draft.justification:
        rows.append(row("The requester says (unchecked)", one_line(draft.justification, limits.sentence)))
    shown = [
        row("From the policy", f"{one_line(title, limits.name)} = {one_line(value, limits.sentence)}")
        for title, value in terms.show
    ]
    return [*rows, *some(shown, limits)]


def _done(review: Review, limits: CardLimits) -> list[Element]:
    by = review.done_by
    if by is None:
        return []
    rows: list[Element] = [row("Reviewed by", _person(by.identity, by.name, limits))]
    if by.comment.strip():
        rows.append(row("Comment", one_line(by.comment, limits.sentence)))
    return rows


def _facts(review: Review) -> list[tuple[str, str]]:
    pairs = [("Code", short_code(review.id)), ("Used at", moment(review.used_at))]
    if review.done_at is None:
        return [*pairs, ("Review before", moment(review.due_at))]
    return [*pairs, ("Reviewed at", moment(review.done_at))]


def _person(identity: Identity, name: str, limits: CardLimits) -> str:
    stable = f"{one_line(identity.id, limits.name)} of {one_line(identity.ns, limits.name)}"
    return f"{one_line(name, limits.name)} ({stable})" if name and name != identity.id else stable
