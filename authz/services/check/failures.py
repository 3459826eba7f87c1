"""What a check is answered with when judging it failed. No branch of this is an allow."""

from __future__ import annotations

from authz.domain.answer import Kind
from authz.domain.errors import (
    BadRequest,
    BodyNotVisible,
    BreakGlassExhausted,
    BytesHidden,
    JustificationMissing,
    NotPermitted,
    PolicyMalformed,
    PrincipalUnknown,
    RecordUnreadable,
    RouteMisconfigured,
    StoreFull,
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
        case PrincipalUnknown():
            return Outcome(Kind.ERROR, problem(Problem.PRINCIPAL_UNKNOWN), detail="principal_unknown")
        case StoreFull():
            word = "redis_full"
        case Unavailable():
            word = f"{error.dependency}_unavailable"
        case _:
            word = next((word for kind, word in _WORDS.items() if isinstance(error, kind)), "unexpected")
    return _refusal(error) or Outcome(Kind.ERROR, problem(Problem.UNAVAILABLE), detail=word)


def _refusal(error: BaseException) -> Outcome | None:
    """Return the outcome for what the client can do something about."""
    rule = ""
    match error:
        case BadRequest():
            # The messages of BadRequest are fixed sentences that name no value.
            answer, word = problem(Problem.BAD_REQUEST, {"detail": str(error)}), "bad_request"
        case BodyNotVisible():
            answer, word = problem(Problem.BODY_NOT_VISIBLE, {"reason": str(error)}), "body_not_visible"
        case TooManyTickets():
            members = {"scope": error.scope, "retry_after": error.retry_after_s}
            answer = problem(Problem.TOO_MANY_TICKETS, members, retry_after_s=error.retry_after_s)
            word = f"too_many_tickets_{error.scope}"
        case BreakGlassExhausted():
            members = {"scope": error.scope, "retry_after": error.retry_after_s}
            answer = problem(Problem.BREAK_GLASS_EXHAUSTED, members, retry_after_s=error.retry_after_s)
            word = f"break_glass_exhausted_{error.scope}"
        case NotPermitted():
            # The operator's own sentence, meant for the requester.
            answer = problem(Problem.NOT_PERMITTED, {"reason": str(error)} if str(error) else {})
            word = "not_permitted"
        case JustificationMissing():
            rule = error.rule
            answer, word = problem(Problem.JUSTIFICATION_REQUIRED, {"rule": rule}), "justification_missing"
        case _:
            return None
    return Outcome(Kind.REFUSE, answer, rule=rule, detail=word)
