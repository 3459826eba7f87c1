"""What a card says of a ticket, row by row, for every chat alike: our words and others' text kept apart.

A chat shows a piece of `ours` as it shows its own words. Any other piece is somebody else's text, made fit to be shown
by `cards.text`: it goes where nothing is read as markup, and looks different from ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from authz.adapters.cards.demand_words import demand_in_words
from authz.adapters.cards.secrets import MASK, mask_pairs
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import approvals, moment
from authz.domain.identity import Identity, Principal
from authz.domain.secrecy import is_secret
from authz.domain.ticket import Choice, Ending, FrozenRequest, State, Ticket, Vote

MAY_DIFFER: Final = "May differ when it runs"
REQUESTER_SAYS: Final = "Requester says (unchecked)"

_ONE_MORE: Final = ": one approval more is needed"
_VERBS: Final = {Choice.APPROVE: "Approved by", Choice.REJECT: "Rejected by"}
_ENDED: Final = {State.CANCELLED: "Taken back by", State.REVOKED: "Revoked by"}


@dataclass(frozen=True, slots=True)
class CardLimits:
    """Characters of each kind of untrusted text, and how many lines of the kinds that repeat.

    `target` is for the path and for the query, `name` for names, and twice that for a host
    and for a header's value.
    """

    target: int = 1500
    sentence: int = 500
    name: int = 120
    body: int = 4000
    lines: int = 20

    def smaller(self, divisor: int) -> CardLimits:
        """Return the same limits divided, for a card that came out too large."""
        return CardLimits(
            self.target // divisor,
            self.sentence // divisor,
            self.name // divisor,
            self.body // divisor,
            max(3, self.lines // divisor),
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of a line. `ours` says that we wrote it."""

    text: str
    ours: bool = False


Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A label in our own words, and one or more lines, each to be shown on lines of its own."""

    label: str
    lines: tuple[Line, ...]


def request_row(request: FrozenRequest, limits: CardLimits, label: str = "Request") -> Row:
    """Return method, host, path and query, the values of secret parameters masked.

    Each has a limit of its own, so that a long one can't push another one out.
    """
    query = "" if request.query is None else f"?{one_line(mask_pairs(request.query), limits.target)}"
    method, scheme = one_line(request.method, limits.name), one_line(request.scheme, limits.name)
    host, path = one_line(request.host, 2 * limits.name), one_line(request.path, limits.target)
    return _theirs(label, f"{method} {scheme}://{host}{path}{query}")


def requester_row(ticket: Ticket, limits: CardLimits) -> Row:
    """Return who asks, and where nobody can tell who that is, what follows from it."""
    draft = ticket.draft
    person = Piece(somebody(draft.requester.identity, draft.requester.name, limits))
    line: Line = (person,)
    if draft.shared:
        line = (ours("Nobody in particular, but whoever sends requests as "), person, ours(_ONE_MORE))
    elif draft.requester_person is None:
        line = (person, ours(f", who isn't known to the directory{_ONE_MORE}"))
    elif not draft.requester_known:
        line = (person, ours(f", whose other accounts the directory doesn't know{_ONE_MORE}"))
    return Row("Requester", (line,))


def somebody_row(label: str, who: Principal, limits: CardLimits) -> Row:
    """Return a person."""
    return _theirs(label, somebody(who.identity, who.name, limits))


def text_rows(label: str, text: str, limits: CardLimits) -> list[Row]:
    """Return somebody else's text on one line, no row for nothing."""
    return [_theirs(label, one_line(text, limits.sentence))] if text else []


def why_rows(ticket: Ticket, limits: CardLimits) -> list[Row]:
    """Return the requester's own words, and which rules ask for whom and why."""
    rows = said_rows(ticket.draft.justification, limits)
    for demand in ticket.draft.requirement.demands[: limits.lines]:
        rows.append(_theirs("Rule", one_line(demand.rule, limits.name)))
        rows += text_rows("Reason", demand.reason, limits)
        rows.append(_theirs("Asks for", one_line(demand_in_words(demand), limits.sentence)))
    hidden = len(ticket.draft.requirement.demands) - limits.lines
    return rows if hidden <= 0 else [*rows, Row("Rules", ((ours(_more(hidden)),),))]


def said_rows(justification: str, limits: CardLimits) -> list[Row]:
    """Return what the requester says, no row for nothing."""
    return text_rows(REQUESTER_SAYS, justification, limits)


def shown_rows(show: Sequence[tuple[str, str]], limits: CardLimits) -> list[Row]:
    """Return what the policy points out; its titles are others' text as much as its values."""
    lines = [
        (Piece(f"{one_line(title, limits.name)} = {one_line(value, limits.sentence)}"),)
        for title, value in show
    ]
    return _lines("From the policy", lines, limits)


def header_rows(request: FrozenRequest, limits: CardLimits) -> list[Row]:
    """Return the bound headers that were sent, the values of secret ones masked."""
    lines = [
        (Piece(f"{one_line(name, limits.name)}: {_header_value(name, value, limits)}"),)
        for name, value in request.headers
    ]
    return _lines("Bound headers", lines, limits)


def may_differ_rows(ticket: Ticket, limits: CardLimits) -> list[Row]:
    """Return everything that an approval leaves open, in words."""
    requirement = ticket.draft.requirement
    if requirement.scope:
        everything = (
            "everything but the rule, the scope and the requester: this is only the first such request"
        )
        return [Row(MAY_DIFFER, ((ours(everything),),))]
    pointers = requirement.body_ignores if requirement.bind_body else ()
    lines: list[Line] = [
        (ours("in the body, what stands at "), Piece(one_line(pointer, limits.name))) for pointer in pointers
    ]
    if not ticket.draft.request.body_checked:
        lines = [(ours("the whole body: any other may be sent"),)]
    lines.append((ours("headers that aren't shown here, and the address that it is sent from"),))
    # The last line is ours, and says the most: it stays where the pointers are too many.
    return [Row(MAY_DIFFER, (*_some(lines[:-1], limits), lines[-1]))]


def vote_rows(votes: Sequence[Vote], limits: CardLimits) -> list[Row]:
    """Return who has voted how, when, and with which comment."""
    rows = [
        Row(_VERBS[vote.choice], ((*_signed(vote.identity, vote.name, limits), *_said(vote, limits)),))
        for vote in votes[: limits.lines]
    ]
    hidden = len(votes) - limits.lines
    return rows if hidden <= 0 else [*rows, Row("Votes", ((ours(_more(hidden)),),))]


def ending_rows(ticket: Ticket, limits: CardLimits) -> list[Row]:
    """Return who took a ticket back, no row where nobody did."""
    return done_rows(_ENDED.get(ticket.state, "Ended by"), ticket.ending, limits)


def done_rows(label: str, ending: Ending | None, limits: CardLimits) -> list[Row]:
    """Return who did something in the end, with their comment."""
    if ending is None:
        return []
    line = (*_signed(ending.identity, ending.name, limits), *_comment(ending.comment, limits))
    return [Row(label, (line,))]


def awaited_rows(ticket: Ticket, limits: CardLimits) -> list[Row]:
    """Return whose approvals are missing."""
    awaiting = approvals(ticket).awaiting
    return [_theirs("Waiting for", one_line("; ".join(awaiting), limits.sentence))] if awaiting else []


def fact_rows(pairs: Iterable[tuple[str, str]]) -> list[Row]:
    """Return rows of nothing but our own words."""
    return [Row(label, ((ours(value),),)) for label, value in pairs]


def ours(text: str) -> Piece:
    """Return a piece in our own words."""
    return Piece(text, ours=True)


def somebody(identity: Identity, name: str, limits: CardLimits) -> str:
    """Return name and stable identity, as somebody else's text: a name alone can be anybody's."""
    stable = f"{one_line(identity.id, limits.name)} of {one_line(identity.ns, limits.name)}"
    shown = one_line(name, limits.name)
    return f"{shown} ({stable})" if shown and name != identity.id else stable


def _theirs(label: str, shown: str) -> Row:
    return Row(label, ((Piece(shown),),))


def _lines(label: str, lines: Sequence[Line], limits: CardLimits) -> list[Row]:
    return [Row(label, tuple(_some(lines, limits)))] if lines else []


def _some(lines: Sequence[Line], limits: CardLimits) -> list[Line]:
    """Return the lines, or as many as a card takes and one saying how many the page shows beyond them."""
    hidden = len(lines) - limits.lines
    return [*lines] if hidden <= 0 else [*lines[: limits.lines], (ours(_more(hidden)),)]


def _more(hidden: int) -> str:
    return f"{hidden} more: see the page."


def _header_value(name: str, value: bytes, limits: CardLimits) -> str:
    return MASK if is_secret(name) else one_line(value.decode("utf-8", "surrogateescape"), 2 * limits.name)


def _signed(identity: Identity, name: str, limits: CardLimits) -> Line:
    return (Piece(somebody(identity, name, limits)),)


def _said(vote: Vote, limits: CardLimits) -> Line:
    return (ours(f" at {moment(vote.at)}"), *_comment(vote.comment, limits))


def _comment(comment: str, limits: CardLimits) -> Line:
    return (ours(", saying: "), Piece(one_line(comment, limits.sentence))) if comment.strip() else ()
