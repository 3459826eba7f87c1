"""What one person gets to read in Slack, and nobody else: the answer to a press or a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from authz.adapters.cards.rows import CardLimits, request_row, requester_row
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import approvals_in_words, moment, ticket_link
from authz.adapters.slack.blocks import (
    Block,
    Section,
    actions,
    escaped,
    link_button,
    literal,
    note,
    words,
)
from authz.adapters.slack.message import Message, fitting, ticket_message
from authz.adapters.slack.row_blocks import row_blocks
from authz.domain.token import short_code
from authz.services.ports import Loaded, Posting

LISTED_MAX: Final = 8
SENTENCE_MAX: Final = 1000

HELP: Final = (
    "`/approvals` lists what waits for you. `/approvals approve CODE` and `/approvals reject CODE REASON` decide; "
    "CODE is the one that the card and the page show, and a reason has at most 500 characters."
)
FOREIGN: Final = "This is for members of the workspace that Holdgate is installed in. Nothing was counted."
UNREADABLE: Final = "This can't be read, so nothing was counted. Open the ticket on the page instead."


def sentence(text: str, link: str = "") -> Message:
    """Return a sentence for who reads it, and where its ticket is. A rule of the operator's may have written it."""
    shown = one_line(text, SENTENCE_MAX)
    blocks: list[Block] = [Section(type="section", text=literal(shown))]
    return Message(
        escaped(shown), [*blocks, actions(link_button("Open the ticket", link))] if link else blocks
    )


def with_card(text: str, posting: Posting, public_url: str) -> Message:
    """Return a sentence above the card of a ticket as it is now. Raises DeliveryRefused."""
    return ticket_message(posting, public_url, sentence(text).blocks)


def listing(tickets: Sequence[Loaded], public_url: str, *, more: bool) -> Message:
    """Return what waits for somebody. Raises DeliveryRefused."""
    count = f"{len(tickets)}{' and more' if more else ''}"
    text = f"{count} waiting for you" if tickets else "Nothing waits for you."

    def blocks(limits: CardLimits) -> list[Block]:
        each = [block for loaded in tickets for block in _listed(loaded, public_url, limits)]
        return [words(text), *each, note(HELP)]

    return fitting(text, blocks, "the list")


def _listed(loaded: Loaded, public_url: str, limits: CardLimits) -> list[Block]:
    ticket = loaded.ticket
    standing = f"{approvals_in_words(ticket)}, before {moment(ticket.expires_at)}"
    return [
        words(f"*{short_code(ticket.id)}*: {standing}"),
        *row_blocks(request_row(ticket.draft.request, limits)),
        *row_blocks(requester_row(ticket, limits)),
        actions(link_button("Open the ticket", ticket_link(public_url, ticket))),
    ]
