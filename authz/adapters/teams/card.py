"""The card of a ticket: what will really run, who asks, why, and until when; after that, how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from authz.adapters.cards.body_excerpt import CUT_HERE, excerpt
from authz.adapters.cards.demand_words import HIGH_RISK
from authz.adapters.cards.rows import (
    CardLimits,
    Row,
    awaited_rows,
    ending_rows,
    fact_rows,
    header_rows,
    may_differ_rows,
    request_row,
    requester_row,
    shown_rows,
    vote_rows,
    why_rows,
)
from authz.adapters.cards.wording import (
    ONLY_WITH_CODE,
    fine_print,
    headline,
    news,
    request_label,
    scope_warning,
    standing_line,
    summary,
    ticket_link,
)
from authz.adapters.teams.elements import (
    AdaptiveCard,
    ContainerStyle,
    Element,
    block,
    box,
    card,
    own_words,
    row,
    section,
    wide_row,
)
from authz.domain.requirement import Risk
from authz.domain.ticket import State, Ticket
from authz.domain.token import short_code
from authz.services.ports import Posting

__all__ = ["CardLimits", "section_of", "ticket_body", "ticket_card"]

_STYLES: dict[State, ContainerStyle] = {
    State.PENDING: "warning",
    State.APPROVED: "good",
    State.REJECTED: "attention",
    State.EXPIRED: "emphasis",
    State.USED_UP: "good",
    State.LAPSED: "emphasis",
    State.CANCELLED: "emphasis",
    State.SUPERSEDED: "emphasis",
    State.REVOKED: "attention",
}


def ticket_card(posting: Posting, public_url: str, limits: CardLimits) -> AdaptiveCard:
    """Return the card for one event, saying the state of now whatever the event was.

    Where people are asked anew it is the whole card; what comes later is a short one that follows it in the channel.
    """
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(public_url, ticket)
    body = ticket_body(posting, limits, whole=posting.opening)
    asked = state is State.PENDING and not posting.copied
    if asked:
        body.append(own_words(ONLY_WITH_CODE.format(short_code(ticket.id)), subtle=True))
    button = "Review and decide" if asked else "Open the ticket"
    return card(summary(ticket, state, link), body, button, link)


def ticket_body(posting: Posting, limits: CardLimits, *, whole: bool) -> list[Element]:
    """Return what a card says of a ticket: all that one needs to decide where it is `whole`, else what became of it.

    What an approver reads first comes first: what is asked of them and until when, what is dangerous about it, what
    will run; then who asks and why, then the small print.
    """
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    pending = state is State.PENDING
    draft = ticket.draft
    # Without votes, it waits for what each rule asks for, unless one more is needed.
    awaited = pending and (not whole or bool(ticket.votes) or not draft.requester_known)
    asked = [requester_row(ticket, limits), *(why_rows(ticket, limits) if whole else ())]
    decided = [
        *vote_rows(ticket.votes, limits),
        *ending_rows(ticket, limits),
        *(awaited_rows(ticket, limits) if awaited else ()),
    ]
    details = [
        *shown_rows(draft.requirement.show, limits),
        *header_rows(draft.request, limits),
        *may_differ_rows(ticket, limits),
    ]
    return [
        box(
            _STYLES[state],
            own_words(headline(ticket, state), large=True),
            own_words(standing_line(ticket, state)),
        ),
        *(own_words(words) for words in news(posting, state)),
        *(_warnings(ticket) if whole or pending else ()),
        *wide_row(request_row(draft.request, limits, request_label(ticket, state))),
        *section_of(asked),
        *section_of(decided),
        *(section_of(details) if whole else ()),
        *(_body(posting, limits) if whole else ()),
        *section_of(fact_rows(fine_print(ticket, state))),
    ]


def section_of(rows: Sequence[Row]) -> list[Element]:
    """Return rows with their labels in line, set apart from what is above them; nothing for none."""
    return section([row(each) for each in rows])


def _warnings(ticket: Ticket) -> list[Element]:
    requirement = ticket.draft.requirement
    said = [scope_warning(requirement)] if requirement.scope else []
    if requirement.risk is Risk.HIGH:
        said.append(HIGH_RISK)
    return [box("attention", *(own_words(words) for words in said))] if said else []


def _body(posting: Posting, limits: CardLimits) -> list[Element]:
    draft = posting.ticket.draft
    pointers = draft.requirement.body_ignores if not draft.requirement.scope else ()
    shown = excerpt(draft.request, posting.body, limits.body, may_differ=pointers)
    caption = own_words(shown.caption, subtle=draft.request.body_checked)
    style: ContainerStyle = "emphasis" if draft.request.body_checked else "warning"
    text = [block(shown.text)] if shown.text else []
    end = [own_words(CUT_HERE, subtle=True)] if shown.cut else []
    return [box(style, caption, *text, *end)]
