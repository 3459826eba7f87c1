from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from authz.domain import errors
from authz.domain.answer import Kind, Respond
from authz.services.check.failures import failure
from authz.services.voting import TooContended

SECRET = "s3cret-of-a-client"
RATES = ("rate_total", "rate_requester", "rate_rule")
TABLE: list[tuple[BaseException, int, str, Kind]] = [
    (errors.PolicyUnavailable(SECRET), 503, "opa_unavailable", Kind.ERROR),
    (errors.StoreUnavailable(SECRET), 503, "redis_unavailable", Kind.ERROR),
    (errors.Overloaded(SECRET), 503, "holdgate_unavailable", Kind.ERROR),
    (errors.Unavailable(SECRET), 503, "unknown_unavailable", Kind.ERROR),
    (TooContended(SECRET), 503, "holdgate_unavailable", Kind.ERROR),
    (errors.PolicyMalformed(SECRET), 503, "policy_malformed", Kind.ERROR),
    (errors.PrincipalUnknown(SECRET), 503, "principal_unknown", Kind.ERROR),
    (errors.BytesHidden("header:x"), 503, "bytes_hidden", Kind.ERROR),
    (errors.RouteMisconfigured(SECRET), 503, "route_misconfigured", Kind.ERROR),
    (errors.RecordUnreadable(SECRET), 503, "record_unreadable", Kind.ERROR),
    (errors.VoteRefused("code", SECRET), 503, "unexpected", Kind.ERROR),
    (errors.SettingsInvalid([SECRET]), 503, "unexpected", Kind.ERROR),
    (errors.HoldgateError(SECRET), 503, "unexpected", Kind.ERROR),
    (TimeoutError(SECRET), 503, "deadline", Kind.ERROR),
    (errors.BadRequest("the query has a ';'"), 400, "bad_request", Kind.REFUSE),
    (errors.BodyNotVisible("the body is cut"), 413, "body_not_visible", Kind.REFUSE),
    (errors.NotPermitted("not on a Friday"), 403, "not_permitted", Kind.REFUSE),
    (errors.JustificationMissing("delete"), 428, "justification_missing", Kind.REFUSE),
    *(
        (errors.TooManyTickets(scope, 9), 429, f"too_many_tickets_{scope}", Kind.REFUSE)
        for scope in ("total", "requester", "rule", *RATES, "bytes_total", "bytes_requester")
    ),
    *(
        (errors.BreakGlassExhausted(scope, 9), 429, f"break_glass_exhausted_{scope}", Kind.REFUSE)
        for scope in ("total", "requester", "rate_requester")
    ),
    *((kind(SECRET), 503, "unexpected", Kind.ERROR) for kind in (ValueError, KeyError, OSError, MemoryError)),
    (RecursionError(SECRET), 503, "unexpected", Kind.ERROR),
    (errors.StoreFull(SECRET), 503, "redis_full", Kind.ERROR),
    (UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET), 503, "unexpected", Kind.ERROR),
    (errors.ProviderUnavailable(SECRET), 503, "oidc_unavailable", Kind.ERROR),
    (errors.SignInFailed("code", SECRET), 503, "unexpected", Kind.ERROR),
]


@pytest.mark.parametrize(("error", "status", "word", "kind"), TABLE, ids=lambda value: type(value).__name__)
def test_every_error_has_its_answer(error: BaseException, status: int, word: str, kind: Kind) -> None:
    """A problem document of ours, a stable word for the metrics, and nothing of the error's own text."""
    outcome = failure(error)
    assert isinstance(outcome.answer, Respond)
    assert (outcome.answer.status, outcome.detail, outcome.kind) == (status, word, kind)
    said = orjson.loads(outcome.answer.body)
    assert (said["status"], said["type"].startswith("urn:holdgate:problem:")) == (status, True)
    assert outcome.rule == (error.rule if isinstance(error, errors.JustificationMissing) else "")
    assert SECRET not in str(outcome)
    headers = dict(outcome.answer.headers)
    assert headers["cache-control"] == "no-store"
    assert ("retry-after" in headers) == (status in {429, 503})


def test_the_table_has_every_error_of_the_tree() -> None:
    """A new one must say how it is answered."""
    tree = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert tree <= {type(error) for error, *_ in TABLE}


def test_what_a_client_did_wrong_is_said() -> None:
    """Fixed sentences without a value, and why a body can't be seen."""
    bad, unseen = (orjson.loads(answer.body) for answer in map(_answer, (TABLE[14][0], TABLE[15][0])))
    assert bad["detail"] == "the query has a ';'"
    assert unseen["reason"] == "the body is cut"


@pytest.mark.parametrize("kind", [errors.TooManyTickets, errors.BreakGlassExhausted])
def test_an_exhausted_quota_says_which_bound_and_when_there_is_room(
    kind: Callable[..., Exception],
) -> None:
    """By the rate to the second; by what is open nobody knows, so half a minute."""
    soon, some_time = (_answer(kind(*args)) for args in (("rate_requester", 9, 7), ("total", 9)))
    assert (dict(soon.headers)["retry-after"], dict(some_time.headers)["retry-after"]) == ("7", "30")
    said = orjson.loads(soon.body)
    assert (said["scope"], said["retry_after"]) == ("rate_requester", 7)


def _answer(error: BaseException) -> Respond:
    answer = failure(error).answer
    assert isinstance(answer, Respond)
    return answer
