"""The kinds of trouble a client can meet, as RFC 9457 problem types.

`type` is the same in every installation, so that clients may compare it. It is a URN and not a URL on purpose:
nothing is fetched from it, and nobody's domain stands in an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TYPE_PREFIX = "urn:holdgate:problem:"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One problem type: the last part of its `type`, its HTTP status and its fixed title and advice."""

    slug: str
    status: int
    title: str
    detail: str

    @property
    def uri(self) -> str:
        """The absolute `type`."""
        return TYPE_PREFIX + self.slug


class Problem(Enum):
    """Every problem type there is. Each has a line in docs/problems.md."""

    HELD = ProblemType(
        "held",
        202,
        "Held for approval",
        "This request was not carried out yet: a person has to approve it first. "
        "Send exactly the same request again with the header x-approval-ticket set to the token.",
    )
    REFUSED = ProblemType(
        "ticket-refused",
        403,
        "Ticket refused",
        "The x-approval-ticket header does not hold a ticket of yours. "
        "Send the request without the header to ask for a new one.",
    )
    REJECTED = ProblemType(
        "rejected", 403, "Rejected", "A person rejected this request. Sending it again does not change that."
    )
    EXPIRED = ProblemType(
        "expired",
        403,
        "Approval did not come in time",
        "Nobody approved this request in time. Send it without the header to ask again.",
    )
    LAPSED = ProblemType(
        "lapsed",
        403,
        "Approval no longer valid",
        "The approval was not used within its time. Send the request without the header to ask again.",
    )
    CANCELLED = ProblemType(
        "cancelled",
        403,
        "Taken back",
        "This request was taken back. Send it without the header to ask again.",
    )
    SUPERSEDED = ProblemType(
        "superseded",
        403,
        "Replaced",
        "The policy asks for something else by now. Send the request without the header to ask again.",
    )
    REVOKED = ProblemType(
        "revoked",
        403,
        "Approval taken back",
        "A person took this approval back. Send the request without the header to ask again.",
    )
    USED_UP = ProblemType(
        "used-up",
        403,
        "Approval used up",
        "The approval was used as often as it was given for. Send the request without the header to ask again.",
    )
    CHANGED = ProblemType(
        "request-changed",
        409,
        "Not the approved request",
        "This is not the request that the ticket is for: the parts named in changed differ. "
        "The ticket is untouched; send the original request to use it.",
    )
    INSUFFICIENT = ProblemType(
        "approval-insufficient",
        403,
        "Approval no longer sufficient",
        "The policy now asks for more than was approved. Ask again when this approval has ended.",
    )
    NOT_PERMITTED = ProblemType(
        "not-permitted",
        403,
        "Not yours to ask for",
        "This request needs an approval, and the operator's rule doesn't let you ask for one.",
    )
    BREAK_GLASS_REFUSED = ProblemType(
        "break-glass-refused",
        403,
        "Not yours to break",
        "The policy lets some people through here in an emergency, and you are not one of them.",
    )
    JUSTIFICATION_REQUIRED = ProblemType(
        "justification-required",
        428,
        "Say why",
        "This request needs an approval, and the approvers want to know why. "
        "Send it again with the reason in the header x-approval-justification.",
    )
    BAD_REQUEST = ProblemType(
        "bad-request", 400, "Bad request", "The request could not be read, so it was not judged."
    )
    BODY_NOT_VISIBLE = ProblemType(
        "body-not-visible",
        413,
        "Body not visible",
        "This request needs an approval, and its body could not be checked whole. "
        "Send a smaller body, with a content-length.",
    )
    TOO_MANY_TICKETS = ProblemType(
        "too-many-tickets",
        429,
        "Too many tickets",
        "Too many requests wait for an approval, or came at once. Try again when retry-after has passed.",
    )
    PRINCIPAL_UNKNOWN = ProblemType(
        "principal-unknown",
        503,
        "Requester unknown",
        "This request needs an approval, and nothing verified who sends it. Sign in and send it again.",
    )
    UNAVAILABLE = ProblemType(
        "unavailable",
        503,
        "Not decided",
        "The request could not be judged right now, so it was not carried out.",
    )
