"""Waits for the approval of requests that a Holdgate holds, and sends them again with their ticket."""

from __future__ import annotations

from holdgate_client.async_transport import AsyncHoldgateTransport
from holdgate_client.blocking_clock import Stop
from holdgate_client.errors import (
    Answered,
    Cancelled,
    Changed,
    Expired,
    HoldgateError,
    Insufficient,
    Lapsed,
    LostAnswer,
    NotPermitted,
    NotReplayable,
    Outage,
    Refused,
    Rejected,
    RequesterUnknown,
    Revoked,
    Superseded,
    TicketNotSeen,
    TicketOver,
    TicketRefused,
    TooMany,
    Unfinished,
    Unfit,
    UsedUp,
    WaitStopped,
    WaitTimeout,
)
from holdgate_client.hold import Hold
from holdgate_client.origin import Origin
from holdgate_client.patience import Patience
from holdgate_client.plain_text import plain
from holdgate_client.problem import Problem
from holdgate_client.redaction import TicketRedaction
from holdgate_client.ticket import Ticket
from holdgate_client.transport import HoldgateTransport

__all__ = [
    "Answered",
    "AsyncHoldgateTransport",
    "Cancelled",
    "Changed",
    "Expired",
    "Hold",
    "HoldgateError",
    "HoldgateTransport",
    "Insufficient",
    "Lapsed",
    "LostAnswer",
    "NotPermitted",
    "NotReplayable",
    "Origin",
    "Outage",
    "Patience",
    "Problem",
    "Refused",
    "Rejected",
    "RequesterUnknown",
    "Revoked",
    "Stop",
    "Superseded",
    "Ticket",
    "TicketNotSeen",
    "TicketOver",
    "TicketRedaction",
    "TicketRefused",
    "TooMany",
    "Unfinished",
    "Unfit",
    "UsedUp",
    "WaitStopped",
    "WaitTimeout",
    "plain",
]
