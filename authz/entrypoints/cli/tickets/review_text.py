"""Reviews of break-glass for a terminal, escaped as tickets are."""

from __future__ import annotations

from collections.abc import Sequence

from authz.adapters.cards.text import one_line
from authz.entrypoints.cli.tickets.ticket_text import (
    LISTED_MAX,
    NAME_MAX,
    TEXT_MAX,
    body_lines,
    columns,
    ending,
    labelled,
    moment,
    raw,
    request_entries,
    request_line,
    who,
)
from authz.wire.holdgate.v1 import approvals_pb2 as wire

_COLUMNS = ("ID", "DUE", "RULE", "USED BY", "REQUEST")


def table(reviews: Sequence[wire.Review]) -> str:
    """Return one line a review, in columns, below a heading."""
    return columns([_COLUMNS, *(_row(review) for review in reviews)])


def standing(review: wire.Review) -> str:
    """Return where a review stands: `ID: reviewed by bob (…)`, `ID: due 2026-…`, `ID: OVERDUE since …`."""
    return f"{raw(review.id)}: {_standing(review)}"


def details(review: wire.Review) -> str:
    """Return everything about a use of break-glass that a reviewer should see, over several lines."""
    lines = [
        ("review", f"{raw(review.id)}  ({raw(review.short_code)})"),
        ("state", _standing(review)),
        ("used by", who(review.requester)),
        ("as one of", one_line(review.group, TEXT_MAX)),
        *request_entries(review.request),
        ("rule", one_line(review.rule, TEXT_MAX)),
        ("reason", one_line(review.reason, TEXT_MAX)),
        *([("they say", one_line(review.justification, TEXT_MAX))] if review.justification else []),
        *(
            ("fact", f"{one_line(fact.title, TEXT_MAX)}: {one_line(fact.value, TEXT_MAX)}")
            for fact in review.facts
        ),
        ("used at", moment(review.used_at)),
    ]
    return labelled(lines) + body_lines(review.request.body)


def _standing(review: wire.Review) -> str:
    if review.HasField("done_at"):
        return f"reviewed at {moment(review.done_at)} by {ending(review.done)}"
    return f"{'OVERDUE since' if review.overdue else 'due'} {moment(review.due_at)}"


def _row(review: wire.Review) -> tuple[str, ...]:
    requester = review.requester
    return (
        raw(review.id),
        f"{moment(review.due_at)}{' OVERDUE' if review.overdue else ''}",
        one_line(review.rule, NAME_MAX),
        one_line(requester.name or requester.id, NAME_MAX),
        request_line(review.request, LISTED_MAX),
    )
