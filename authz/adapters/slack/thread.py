"""What is told below a card, so that the thread is its history, and to one person alone."""

from __future__ import annotations

from typing import Final

from authz.adapters.cards.rows import CardLimits, Row, ending_rows, vote_rows
from authz.adapters.cards.wording import standing_line
from authz.adapters.slack.blocks import Block, words
from authz.adapters.slack.message import Message, fitting
from authz.adapters.slack.row_blocks import row_blocks
from authz.domain.events import EventType
from authz.domain.ticket import State
from authz.domain.token import short_code
from authz.services.ports import Posting

_HAPPENED: Final = {
    EventType.TICKET_CREATED: "It was asked for.",
    EventType.VOTE_RECORDED: "Somebody voted.",
    EventType.VOTE_WITHDRAWN: "A vote was withdrawn.",
    EventType.TICKET_APPROVED: "It was approved.",
    EventType.TICKET_REJECTED: "It was rejected.",
    EventType.TICKET_EXPIRED: "Nobody decided in time.",
    EventType.TICKET_CANCELLED: "The requester took it back.",
    EventType.TICKET_SUPERSEDED: "Another ticket took its place.",
    EventType.GRANT_USED_UP: "It was sent through as often as it was approved for.",
    EventType.GRANT_LAPSED: "The time to use the approval has passed.",
    EventType.GRANT_REVOKED: "The approval was revoked.",
    EventType.TICKET_REMINDED: "It is still waiting for a decision.",
    EventType.TICKET_ESCALATED: "It has been waiting for so long that others are asked, too.",
}

_OF_VOTES: Final = frozenset(
    {EventType.VOTE_RECORDED, EventType.TICKET_APPROVED, EventType.TICKET_REJECTED, EventType.TICKET_EXPIRED}
)
_OF_ENDINGS: Final = frozenset({EventType.TICKET_CANCELLED, EventType.GRANT_REVOKED})


def thread_message(posting: Posting) -> Message:
    """Return one event in a line, and who was behind it. Raises DeliveryRefused."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    happened = _HAPPENED[posting.type]
    if posting.type is EventType.TICKET_SUPERSEDED and ticket.replaced_by:
        happened = f"The ticket with the code {short_code(ticket.replaced_by)} took its place."
    standing = f" {standing_line(ticket, state)}" if state is State.PENDING else ""
    text = f"{short_code(ticket.id)}: {happened}{standing}"

    def blocks(limits: CardLimits) -> list[Block]:
        rows: list[Row] = []
        if posting.type in _OF_VOTES:
            rows += vote_rows(ticket.votes[-limits.lines :], limits)
        if posting.type in _OF_ENDINGS:
            rows += ending_rows(ticket, limits)
        return [words(f"{happened}{standing}"), *(block for row in rows for block in row_blocks(row))]

    return fitting(text, blocks, ticket.id)
