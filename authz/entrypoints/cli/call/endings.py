"""What a call ended with, as an exit code and sentences."""

from __future__ import annotations

import httpx

from authz.entrypoints.cli.call.exit_codes import CallExit
from holdgate_client import (
    Answered,
    Cancelled,
    Changed,
    Expired,
    HoldgateError,
    Lapsed,
    LostAnswer,
    Outage,
    Rejected,
    RequesterUnknown,
    Revoked,
    TicketNotSeen,
    TooMany,
    Unfinished,
    UsedUp,
    plain,
)

_CODES: tuple[tuple[type[HoldgateError], CallExit], ...] = (
    (Rejected, CallExit.REJECTED),
    (Expired, CallExit.EXPIRED),
    (Lapsed, CallExit.EXPIRED),
    (Cancelled, CallExit.TAKEN_BACK),
    (Revoked, CallExit.TAKEN_BACK),
    (UsedUp, CallExit.USED_UP),
    (Changed, CallExit.CHANGED),
    (Outage, CallExit.UNAVAILABLE),
    (RequesterUnknown, CallExit.UNAVAILABLE),
    (TooMany, CallExit.UNAVAILABLE),
    (Answered, CallExit.REFUSED),
    (LostAnswer, CallExit.LOST),
    (TicketNotSeen, CallExit.REFUSED),
    (Unfinished, CallExit.HELD),
)


def exit_of(error: HoldgateError) -> CallExit:
    """Return the code for what Holdgate, or the client that waits, ended with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), CallExit.REFUSED)


def broken(error: httpx.HTTPError) -> str:
    """Return the sentence for an exchange that failed before anything was held."""
    what = plain(str(error)) or type(error).__name__
    return f"no answer: {what}"


def exit_of_status(status: int) -> CallExit:
    """Return the code for what the upstream, or the policy itself, answered."""
    return CallExit.DONE if httpx.codes.is_success(status) else CallExit.NOT_DONE
