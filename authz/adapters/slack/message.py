"""What is posted to Slack about a ticket: what will really run, who asks, why, until when; then how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from authz.adapters.cards.body_excerpt import excerpt
from authz.adapters.cards.demand_words import HIGH_RISK
from authz.adapters.cards.rows import (
    CardLimits,
    Row,
    awaited_rows,
    ending_rows,
    header_rows,
    may_differ_rows,
    request_row,
    requester_row,
    shown_rows,
    vote_rows,
    why_rows,
)
from authz.adapters.cards.wording import (
    fine_print,
    headline,
    news,
    request_label,
    scope_warning,
    standing_line,
    summary,
    ticket_link,
)
from authz.adapters.slack.blocks import (
    APPROVE,
    BLOCKS_MAX,
    REJECT,
    TEXT_MAX,
    Actions,
    Block,
    actions,
    button,
    header,
    lengths,
    lines,
    link_button,
    note,
    table,
    words,
)
from authz.adapters.slack.button_value import Shown
from authz.adapters.slack.row_blocks import row_blocks, standing_out
from authz.domain.requirement import Risk
from authz.domain.ticket import State, Ticket
from authz.domain.token import short_code
from authz.services.ports import DeliveryRefused, Posting

LIMITS: Final = CardLimits(target=1200, sentence=400, name=120, body=2500, lines=15)
"""Of each text, before it is cut further because the message doesn't fit."""

MESSAGE_MAX: Final = 8000
"""Characters of all blocks together. Slack documents no bound and has been seen to refuse from about 11,000 on."""

_DIVISORS: Final = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Message:
    """`text` is what notifications and screen readers get: our own words alone, because Slack reads it as markup."""

    text: str
    blocks: Sequence[Block]

    @property
    def fields(self) -> dict[str, object]:
        """What every way of posting takes. Nothing in a message makes Slack fetch an address."""
        return {
            "text": self.text,
            "blocks": list(self.blocks),
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }


def ticket_message(posting: Posting, public_url: str, above: Sequence[Block] = ()) -> Message:
    """Return the card of a ticket as it is now, below other blocks, its texts cut visibly until Slack takes it.

    Raises DeliveryRefused.
    """
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    link = ticket_link(public_url, ticket)
    text = summary(ticket, state, link)
    return fitting(text, lambda limits: [*above, *_blocks(posting, state, link, limits)], ticket.id)


def fitting(text: str, make: Callable[[CardLimits], list[Block]], identifier: str) -> Message:
    """Return the message with the widest limits that fit. Raises DeliveryRefused when even the narrowest don't."""
    for divisor in _DIVISORS:
        blocks = make(LIMITS.smaller(divisor))
        texts = lengths(blocks)
        if len(blocks) <= BLOCKS_MAX and sum(texts) <= MESSAGE_MAX and max(texts) <= TEXT_MAX:
            return Message(text, blocks)
    bounds = f"{BLOCKS_MAX} blocks and {MESSAGE_MAX} characters"
    msg = f"the message about {identifier} can't be made to fit into {bounds}"
    raise DeliveryRefused(msg)


def _blocks(posting: Posting, state: State, link: str, limits: CardLimits) -> list[Block]:
    ticket = posting.ticket
    pending = state is State.PENDING
    blocks: list[Block] = [header(headline(ticket, state)), words(standing_line(ticket, state))]
    blocks += [words(sentence) for sentence in news(posting, state)]
    if pending:
        blocks += _warnings(ticket)
    blocks += standing_out(request_row(ticket.draft.request, limits, request_label(ticket, state)))
    blocks += _of_rows([requester_row(ticket, limits)])
    if pending:
        blocks += _of_rows(_to_judge(ticket, limits))
        blocks += _body(posting, limits)
    blocks += _of_rows([*vote_rows(ticket.votes, limits), *ending_rows(ticket, limits)])
    if pending:
        blocks += _of_rows(awaited_rows(ticket, limits))
    return [*blocks, table(fine_print(ticket, state)), *_end(posting, link, pending=pending)]


def _warnings(ticket: Ticket) -> list[Block]:
    requirement = ticket.draft.requirement
    warnings = [scope_warning(requirement)] if requirement.scope else []
    if requirement.risk is Risk.HIGH:
        warnings.append(HIGH_RISK)
    return [words(f"*{warning}*") for warning in warnings]


def _to_judge(ticket: Ticket, limits: CardLimits) -> list[Row]:
    draft = ticket.draft
    return [
        *why_rows(ticket, limits),
        *shown_rows(draft.requirement.show, limits),
        *header_rows(draft.request, limits),
        *may_differ_rows(ticket, limits),
    ]


def _body(posting: Posting, limits: CardLimits) -> list[Block]:
    draft = posting.ticket.draft
    ignores = draft.requirement.body_ignores if draft.requirement.bind_body else ()
    shown = excerpt(draft.request, posting.body, limits.body, may_differ=ignores)
    return [note(f"*{shown.caption}*"), *(lines(shown.text) if shown.text else [])]


def _of_rows(rows: Sequence[Row]) -> list[Block]:
    return [block for row in rows for block in row_blocks(row)]


def _end(posting: Posting, link: str, *, pending: bool) -> list[Block]:
    """Return the buttons: to decide only where this room is asked to, and never about a high risk."""
    ticket = posting.ticket
    asked = pending and not posting.copied
    if not asked:
        return [actions(link_button("Open the ticket", link))]
    code = short_code(ticket.id)
    if ticket.draft.requirement.risk is Risk.HIGH:
        hint = f"A high risk is decided on the page alone, and only if it shows the code {code} too."
        return [actions(link_button("Review and decide", link)), note(hint)]
    return [_decide(ticket, link), note(f"Details has the whole request, under the same code {code}.")]


def _decide(ticket: Ticket, link: str) -> Actions:
    value = Shown.of(ticket).value
    return actions(
        button(APPROVE, "Approve", value=value, style="primary"),
        button(REJECT, "Reject", value=value, style="danger"),
        link_button("Details", link),
    )
