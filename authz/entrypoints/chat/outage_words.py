"""What people are told whose press or command met an outage."""

from __future__ import annotations

from typing import Final

from authz.domain.errors import (
    HoldgateError,
    PolicyMalformed,
    RecordUnreadable,
    StoreUnavailable,
    Unavailable,
)

OUTAGES: Final = (Unavailable, PolicyMalformed, RecordUnreadable)


def in_words(error: HoldgateError) -> str:
    """Return a sentence of ours: the text of an outage may quote a request."""
    match error:
        case StoreUnavailable():
            return (
                "Holdgate can't reach its store right now. Whether this was recorded is not certain: look at the page, "
                "or try again. The same vote given twice counts once."
            )
        case PolicyMalformed():
            return (
                "The operator's rule about who may do this answered neither yes nor no. Nothing was recorded. "
                "Tell the operator; trying again helps when they have mended it."
            )
        case RecordUnreadable():
            return "This ticket was stored by another release, or is damaged. Nothing can be decided on it."
        case _:
            return (
                "Holdgate can't reach what it needs right now. Nothing was recorded. Try again in a moment."
            )
