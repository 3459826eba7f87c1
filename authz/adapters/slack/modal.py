"""The window that asks for the reason of a rejection."""

from __future__ import annotations

from typing import Final

from authz.adapters.cards.rows import request_row
from authz.adapters.cards.wording import headline
from authz.adapters.slack.blocks import literal, words
from authz.adapters.slack.button_value import Shown, parse_value
from authz.adapters.slack.message import LIMITS
from authz.adapters.slack.row_blocks import row_blocks
from authz.domain.ticket import Ticket
from authz.domain.voting import COMMENT_MAX
from authz.services.ports import Loaded

CALLBACK: Final = "holdgate_reject_reason"
REASON_BLOCK: Final = "reason"
REASON: Final = "reason_text"


def reject_modal(loaded: Loaded, shown: Shown, channel: str) -> dict[str, object]:
    """Return the window. It carries what the button carried, and `channel`, where to answer."""
    ticket: Ticket = loaded.ticket
    blocks: list[object] = [
        words(headline(ticket, ticket.state_at(loaded.now))),
        *row_blocks(request_row(ticket.draft.request, LIMITS.smaller(4))),
        {
            "type": "input",
            "block_id": REASON_BLOCK,
            "label": literal("Reason"),
            "hint": literal("The requester will read it."),
            "element": {
                "type": "plain_text_input",
                "action_id": REASON,
                "multiline": True,
                "min_length": 1,
                "max_length": COMMENT_MAX,
            },
        },
    ]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": f"{shown.value} {channel}",
        "title": literal("Reject this request"),
        "submit": literal("Reject"),
        "close": literal("Back"),
        "blocks": blocks,
    }


def parse_metadata(text: str) -> tuple[Shown, str] | None:
    """Read what a window carries, None for what no window of ours does."""
    match text.split(" "):
        case [ticket_id, digest, channel]:
            shown = parse_value(f"{ticket_id} {digest}")
            return (shown, channel) if shown else None
        case _:
            return None
