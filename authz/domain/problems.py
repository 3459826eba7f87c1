"""The kinds of trouble a client can meet, as RFC 9457 problem types.

`type` is the same in every installation, so that clients may compare it. It is a URN and not a URL on purpose:
nothing is fetched from it, and nobody's domain stands in an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from authz.domain.grpc_status import GrpcStatus

TYPE_PREFIX = "urn:holdgate:problem:"
REASON_DOMAIN = "holdgate"
"""The `domain` of google.rpc.ErrorInfo, in which the `reason` of a problem type means what is said here."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One problem type: the last part of its `type`, its fixed title and advice, and its status.

    `status` is HTTP's, `grpc_status` what a gRPC caller gets in its place.
    """

    slug: str
    status: int
    grpc_status: GrpcStatus
    title: str
    detail: str

    @property
    def uri(self) -> str:
        """The absolute `type`."""
        return TYPE_PREFIX + self.slug

    @property
    def reason(self) -> str:
        """The same word as the `reason` of google.rpc.ErrorInfo, in REASON_DOMAIN."""
        return self.slug.replace("-", "_").upper()


class Problem(Enum):
    """Every problem type there is. Each has its advice beside this file, and with it a page (`problem_page`)."""

    HELD = ProblemType(
        "held",
        202,
        GrpcStatus.FAILED_PRECONDITION,
        "Held for approval",
        "This request was not carried out yet: a person has to approve it first. "
        "Send exactly the same request again with the header x-approval-ticket set to the token.",
    )
    REFUSED = ProblemType(
        "ticket-refused",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Ticket refused",
        "The x-approval-ticket header does not hold a ticket of yours. "
        "Send the request without the header to ask for a new one.",
    )
    REJECTED = ProblemType(
        "rejected",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Rejected",
        "A person rejected this request. Sending it again does not change that.",
    )
    EXPIRED = ProblemType(
        "expired",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Approval did not come in time",
        "Nobody approved this request in time. Send it without the header to ask again.",
    )
    LAPSED = ProblemType(
        "lapsed",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Approval no longer valid",
        "The approval was not used within its time. Send the request without the header to ask again.",
    )
    CANCELLED = ProblemType(
        "cancelled",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Taken back",
        "This request was taken back. Send it without the header to ask again.",
    )
    SUPERSEDED = ProblemType(
        "superseded",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Replaced",
        "The policy asks for something else by now. Send the request without the header to ask again.",
    )
    REVOKED = ProblemType(
        "revoked",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Approval taken back",
        "A person took this approval back. Send the request without the header to ask again.",
    )
    USED_UP = ProblemType(
        "used-up",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Approval used up",
        "The approval was used as often as it was given for. Send the request without the header to ask again.",
    )
    CHANGED = ProblemType(
        "request-changed",
        409,
        GrpcStatus.ABORTED,
        "Not the approved request",
        "This is not the request that the ticket is for: the parts named in changed differ. "
        "The ticket is untouched; send the original request to use it.",
    )
    INSUFFICIENT = ProblemType(
        "approval-insufficient",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Approval no longer sufficient",
        "This check was let through before, and the policy now asks for more than was approved. "
        "Send the request again.",
    )
    NOT_PERMITTED = ProblemType(
        "not-permitted",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Not yours to ask for",
        "This request needs an approval, and the operator's rule doesn't let you ask for one.",
    )
    TICKET_OVER = ProblemType(
        "ticket-over",
        409,
        GrpcStatus.FAILED_PRECONDITION,
        "Over already",
        "There is nothing to take back any more: state says what became of this ticket.",
    )
    CANCEL_NOT_PERMITTED = ProblemType(
        "cancel-not-permitted",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Not yours to take back",
        "The operator's rule doesn't let you take this request back. The ticket is as it was.",
    )
    BREAK_GLASS_REFUSED = ProblemType(
        "break-glass-refused",
        403,
        GrpcStatus.PERMISSION_DENIED,
        "Not yours to break",
        "The policy lets some people through here in an emergency, and you are not one of them.",
    )
    JUSTIFICATION_REQUIRED = ProblemType(
        "justification-required",
        428,
        GrpcStatus.FAILED_PRECONDITION,
        "Say why",
        "This request needs an approval, and the approvers want to know why. "
        "Send it again with the reason in the header x-approval-justification.",
    )
    BAD_REQUEST = ProblemType(
        "bad-request",
        400,
        GrpcStatus.INVALID_ARGUMENT,
        "Bad request",
        "The request could not be read, so it was not judged.",
    )
    NOT_FOUND = ProblemType(
        "not-found",
        404,
        GrpcStatus.NOT_FOUND,
        "Nothing here",
        "Paths below /.holdgate/ are the gate's own, and there is nothing at this one. Nothing was forwarded.",
    )
    METHOD_NOT_ALLOWED = ProblemType(
        "method-not-allowed",
        405,
        GrpcStatus.UNIMPLEMENTED,
        "Not this way",
        "This address takes the methods that the header allow names. Nothing was forwarded or changed.",
    )
    BODY_NOT_VISIBLE = ProblemType(
        "body-not-visible",
        413,
        GrpcStatus.INVALID_ARGUMENT,
        "Body not visible",
        "This request needs an approval, and its body could not be checked whole. "
        "Send a smaller body, with a content-length.",
    )
    TOO_MANY_TICKETS = ProblemType(
        "too-many-tickets",
        429,
        GrpcStatus.RESOURCE_EXHAUSTED,
        "Too many tickets",
        "Too many requests wait for an approval, or came at once. Try again when retry-after has passed.",
    )
    BREAK_GLASS_EXHAUSTED = ProblemType(
        "break-glass-exhausted",
        429,
        GrpcStatus.RESOURCE_EXHAUSTED,
        "Break-glass used too often",
        "This request was not carried out: too many were let through in an emergency that nobody has reviewed yet, "
        "or too many came at once. Have some reviewed, or try again when retry-after has passed.",
    )
    PRINCIPAL_UNKNOWN = ProblemType(
        "principal-unknown",
        503,
        GrpcStatus.UNAUTHENTICATED,
        "Requester unknown",
        "This request needs an approval, and nothing verified who sends it. Sign in and send it again.",
    )
    UNAVAILABLE = ProblemType(
        "unavailable",
        503,
        GrpcStatus.UNAVAILABLE,
        "Not decided",
        "The request could not be judged right now, so it was not carried out.",
    )
