"""The boundary: every exception becomes an answer, none an allow, and no text of it gets out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from google.rpc.code_pb2 import OK, PERMISSION_DENIED, UNAVAILABLE

from authz.adapters.telemetry.metrics import Metrics
from authz.domain import errors
from authz.domain.answer import Forward, Kind, Respond
from authz.domain.header_mutation import Mutations
from authz.entrypoints.check import handler as module
from authz.entrypoints.check.handler import CheckHandler
from authz.services.check.call import CheckCall, Outcome
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.support.check_requests import check_request

SECRET = "hg1.k1.0-abc.s3cret"
ALLOW = Outcome(Kind.ALLOW, Forward(), decision_id="d-1")


class Context:
    """A call with this many seconds left, or without a deadline."""

    def __init__(self, seconds: float | None = 5.0) -> None:
        self._seconds = seconds

    def time_remaining(self) -> float | None:
        return self._seconds


class Records:
    """Stands in for the log; keeps every record."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **fields: self.kept.append({"level": level, "event": event, **fields})

    @property
    def text(self) -> str:
        return json.dumps(self.kept)


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    found = Records()
    monkeypatch.setattr(module, "log", found)
    return found


def handler(judge: Callable[[CheckCall], Awaitable[Outcome]], metrics: Metrics | None = None) -> CheckHandler:
    return CheckHandler(judge, metrics or Metrics(), body_limit=65_536, timeout=0.5)


def answering(outcome: object) -> Callable[[CheckCall], Awaitable[Outcome]]:
    async def judge(_call: CheckCall) -> Outcome:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome  # type: ignore[return-value]

    return judge


async def ask(
    outcome: object, check: CheckRequest | None = None, context: Context | None = None
) -> CheckResponse:
    return await handler(answering(outcome)).Check(check or check_request(), context or Context())


EXCEPTIONS = [
    *(kind(SECRET) for kind in (errors.PolicyUnavailable, errors.StoreUnavailable, errors.Overloaded)),
    *(kind(SECRET) for kind in (errors.PolicyMalformed, errors.PrincipalUnknown, errors.RecordUnreadable)),
    *(kind(SECRET) for kind in (errors.HoldgateError, errors.RouteMisconfigured, errors.Unavailable)),
    errors.BytesHidden("header:x"),
    errors.VoteRefused(SECRET, SECRET),
    errors.SettingsInvalid([SECRET]),
    *(
        kind(SECRET)
        for kind in (ValueError, KeyError, TypeError, OSError, RuntimeError, AssertionError, Exception)
    ),
    *(
        kind(SECRET)
        for kind in (MemoryError, RecursionError, StopAsyncIteration, AttributeError, ZeroDivisionError)
    ),
    UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    TimeoutError(SECRET),
    ExceptionGroup(SECRET, [ValueError(SECRET)]),
]


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: type(error).__name__)
async def test_any_exception_is_a_503_without_its_text(error: Exception, records: Records) -> None:
    """A denied_response, so that Envoy's own status on errors doesn't matter."""
    response = await ask(error)
    assert response.status.code == UNAVAILABLE
    assert response.denied_response.status.code == 503
    assert "s3cret" not in str(response)
    assert json.loads(response.denied_response.body)[
        "type"
    ] == "urn:holdgate:problem:unavailable" or isinstance(error, errors.PrincipalUnknown)
    if not isinstance(error, errors.HoldgateError):
        assert "s3cret" not in records.text


async def test_an_unexpected_error_is_logged_by_type_and_place(records: Records) -> None:
    """Its message may hold what the client sent."""
    await ask(ValueError(SECRET))
    found = next(record for record in records.kept if record["event"] == "check.unexpected")
    assert (found["level"], found["error"]) == ("error", "ValueError")
    assert any("test_handler.py" in place for place in found["places"])


async def test_an_exception_would_escape_without_the_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: it is this one `except` that answers."""
    monkeypatch.setattr(module.CheckHandler, "_failed", _raise_again)
    with pytest.raises(ValueError, match="s3cret"):
        await ask(ValueError(SECRET))


def _raise_again(_self: object, error: Exception) -> Outcome:
    raise error


@pytest.mark.parametrize("odd", [None, True, "allow", CheckResponse(), Forward(), Outcome(Kind.ALLOW, None)])  # type: ignore[arg-type]
async def test_what_is_no_outcome_is_no_allow(odd: object, records: Records) -> None:
    """A bug in the service, not even one that returns an empty CheckResponse."""
    response = await ask(odd)
    assert response.status.code == UNAVAILABLE
    assert records.kept[-1]["decision"] == "error"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Kind.DENY, Respond(99)),
        Outcome(Kind.ALLOW, Forward(Mutations(headers=(("x", "\udcff"),)))),
        Outcome(Kind.ALLOW, Forward(), metadata={"x": object()}),
    ],
)
async def test_an_answer_that_can_not_be_built_is_a_503(outcome: Outcome) -> None:
    """Half of a response is no response."""
    response = await ask(outcome)
    assert (response.status.code, response.denied_response.status.code) == (UNAVAILABLE, 503)


async def test_an_allow_is_an_allow() -> None:
    """The boundary doesn't refuse everything."""
    assert (await ask(ALLOW)).status.code == OK


@pytest.mark.parametrize("path", ["/%zz", "/?a=;"])
async def test_a_request_that_can_not_be_read_is_a_400(path: str) -> None:
    """Before anybody is asked."""
    response = await ask(ALLOW, check_request(path=path))
    assert (response.status.code, response.denied_response.status.code) == (PERMISSION_DENIED, 400)


async def test_a_route_that_is_misconfigured_is_a_503_that_says_nothing(records: Records) -> None:
    """The operator reads which value it was."""
    check = check_request()
    check.attributes.context_extensions["holdgate_body_limit"] = "64k"
    response = await ask(ALLOW, check)
    assert response.denied_response.status.code == 503
    assert "64k" not in str(response)
    assert "64k" in records.text


@pytest.mark.parametrize("seconds", [0.02, 0.0, -1.0])
async def test_envoys_deadline_is_kept(seconds: float) -> None:
    """A judgement that takes longer is a 503 while Envoy still listens, and at no time an allow."""
    stuck = asyncio.Event()

    async def judge(_call: CheckCall) -> Outcome:
        await stuck.wait()
        return ALLOW

    started = time.monotonic()
    response = await handler(judge).Check(check_request(), Context(seconds))
    assert response.denied_response.status.code == 503
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("left", "budget"), [(5.0, 0.5), (0.1, 0.1), (None, 0.5)])
async def test_the_judgement_is_told_how_long_it_may_take(left: float | None, budget: float) -> None:
    """The smaller of the setting and what Envoy has left, less what answering takes."""
    found: list[float] = []

    async def judge(call: CheckCall) -> Outcome:
        found.append(call.remaining())
        return ALLOW

    await handler(judge).Check(check_request(), Context(left))
    assert 0 < found[0] <= budget - 0.01


async def test_a_cancelled_call_is_not_answered(records: Records) -> None:
    """The client went away; cancellation goes through, and isn't taken for an error."""
    begun, stuck, cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def judge(_call: CheckCall) -> Outcome:
        begun.set()
        try:
            await stuck.wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ALLOW

    metrics = Metrics()
    task = asyncio.create_task(handler(judge, metrics).Check(check_request(), Context()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
    assert records.kept == []
    assert metrics.registry.get_sample_value("holdgate_checks_in_flight") == 0


async def test_one_record_a_check_without_query_header_or_body(records: Records) -> None:
    """Everything that an operator searches by, and nothing that may be secret."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    lines = (
        ("authorization", b"Bearer s3cret"),
        ("cookie", b"s3cret"),
        ("x-approval-ticket", SECRET.encode()),
        ("traceparent", f"00-{trace}-00f067aa0ba902b7-01".encode()),
    )
    check = check_request(*lines, body=b'{"password":"s3cret"}', path="/resources/db?key=s3cret")
    outcome = Outcome(
        Kind.HOLD, Respond(202, body=SECRET.encode()), "d-1", "0-abc", "a-rule", "iss:alice", "new ticket"
    )
    await ask(outcome, check)
    (record,) = records.kept
    assert record.pop("duration_ms") >= 0
    assert record == {
        "level": "info",
        "event": "check",
        "decision": "hold",
        "status": 202,
        "method": "DELETE",
        "host": "api.example",
        "path": "/resources/db",
        "request_id": "1001",
        "trace_id": trace,
        "principal": "iss:alice",
        "ticket_id": "0-abc",
        "rule": "a-rule",
        "decision_id": "d-1",
        "detail": "new ticket",
    }
    assert "s3cret" not in records.text


@pytest.mark.parametrize(
    "values", [[], [b"00-x-y-01"], [b"\xff"], [b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"] * 2]
)
async def test_a_trace_that_can_not_be_read_is_none(values: list[bytes], records: Records) -> None:
    """W3C Trace Context section 3.2."""
    await ask(ALLOW, check_request(*(("traceparent", value) for value in values)))
    assert records.kept[-1]["trace_id"] == ""


async def test_metrics_count_what_was_answered(records: Records) -> None:
    """By decision, by the kind of error, and the policy's own errors apart, with an advice in the log."""
    metrics = Metrics()
    for outcome in (ALLOW, ALLOW, errors.PolicyMalformed("rule x: bad"), errors.StoreUnavailable("late")):
        await handler(answering(outcome), metrics).Check(check_request(), Context())
    value = metrics.registry.get_sample_value
    assert value("holdgate_checks_total", {"decision": "allow"}) == 2
    assert value("holdgate_checks_total", {"decision": "error"}) == 2
    assert value("holdgate_check_errors_total", {"error": "policy_malformed"}) == 1
    assert value("holdgate_check_errors_total", {"error": "redis_unavailable"}) == 1
    assert value("holdgate_policy_errors_total") == 1
    assert value("holdgate_check_duration_seconds_count", {"decision": "allow"}) == 2
    alert = next(record for record in records.kept if record["event"] == "policy.malformed")
    assert (alert["level"], alert["problem"]) == ("error", "rule x: bad")


@pytest.mark.parametrize(
    "outcome",
    [Outcome(Kind.ALLOW, Forward()), Outcome(Kind.DENY, Respond(403)), errors.BadRequest("no"), ValueError()],
)
async def test_where_opa_gives_no_decision_id_there_is_one_of_ours(outcome: object, records: Records) -> None:
    """The same in the metadata and in the log, and another one each time."""
    first, second = [(await ask(outcome)).dynamic_metadata["decision_id"] for _ in range(2)]
    assert UUID(str(first)) != UUID(str(second))
    assert [record["decision_id"] for record in records.kept if record["event"] == "check"] == [first, second]


async def test_opas_own_decision_id_is_kept() -> None:
    """It leads to OPA's decision log."""
    assert (await ask(ALLOW)).dynamic_metadata["decision_id"] == "d-1"


async def test_bodies_are_parsed_unless_they_are_not_to_be() -> None:
    """HOLDGATE_SKIP_BODY_PARSE: the two keys are absent then."""
    seen: list[set[str]] = []

    async def judge(call: CheckCall) -> Outcome:
        seen.append({"parsed_body", "truncated_body"} & call.document.keys())
        return ALLOW

    await handler(judge).Check(check_request(), Context())
    skipping = CheckHandler(judge, Metrics(), body_limit=65_536, timeout=0.5, bodies=None)
    await skipping.Check(check_request(), Context())
    assert seen == [{"parsed_body", "truncated_body"}, set()]
