"""What a check is answered with when judging it failed. No branch of this is an allow."""

from __future__ import annotations

from authz.domain.answer import Kind
from authz.domain.errors import (
    BadRequest,
    BodyNotVisible,
    BytesHidden,
    JustificationMissing,
    PolicyMalformed,
    PrincipalUnknown,
    RecordUnreadable,
    RouteMisconfigured,
    TooManyTickets,
    Unavailable,
)
from authz.domain.problems import Problem
from authz.services.check.call import Outcome
from authz.services.check.responses import problem

# Errors that a client can do nothing about; it gets the same 503 for all of them.
_WORDS: dict[type[BaseException], str] = {
    BytesHidden: "bytes_hidden",
    PolicyMalformed: "policy_malformed",
    RecordUnreadable: "record_unreadable",
    RouteMisconfigured: "route_misconfigured",
    TimeoutError: "deadline",
}


def failure(error: BaseException) -> Outcome:
    """Return the outcome for an error. Only sentences of ours reach the client, never the error's own text.

    `detail` is the stable word for metrics and logs.
    """
    match error:
        case BadRequest():
            # The messages of BadRequest are fixed sentences that name no value.
            return Outcome(
                Kind.REFUSE, problem(Problem.BAD_REQUEST, {"detail": str(error)}), detail="bad_request"
            )
        case BodyNotVisible():
            return Outcome(
                Kind.REFUSE,
                problem(Problem.BODY_NOT_VISIBLE, {"reason": str(error)}),
                detail="body_not_visible",
            )
        case TooManyTickets():
            members = {"scope": error.scope, "retry_after": error.retry_after_s}
            return Outcome(
                Kind.REFUSE,
                problem(Problem.TOO_MANY_TICKETS, members, retry_after_s=error.retry_after_s),
                detail=f"too_many_tickets_{error.scope}",
            )
        case JustificationMissing():
            members = {"rule": error.rule}
            return Outcome(
                Kind.REFUSE,
                problem(Problem.JUSTIFICATION_REQUIRED, members),
                rule=error.rule,
                detail="justification_missing",
            )
        case PrincipalUnknown():
            return Outcome(Kind.ERROR, problem(Problem.PRINCIPAL_UNKNOWN), detail="principal_unknown")
        case Unavailable():
            word = f"{error.dependency}_unavailable"
        case _:
            word = next((word for kind, word in _WORDS.items() if isinstance(error, kind)), "unexpected")
    return Outcome(Kind.ERROR, problem(Problem.UNAVAILABLE), detail=word)
