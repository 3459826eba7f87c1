"""One Check call: the boundary where every exception becomes an answer, and every answer a record."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic
from typing import Protocol
from uuid import uuid4

import structlog

from authz.adapters.envoy.check_request import gated_request
from authz.adapters.envoy.check_response import check_response
from authz.adapters.envoy.policy_input import BODIES, policy_input
from authz.adapters.envoy.request_body import BodyParser
from authz.adapters.telemetry.metrics import Metrics
from authz.domain.answer import Kind, Respond
from authz.domain.errors import BadRequest, HoldgateError, PolicyMalformed
from authz.domain.request import GatedRequest
from authz.entrypoints.check.shedding import Admission
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.failures import failure
from authz.services.check.waiting import Waiting
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer

# W3C Trace Context section 3.2: version, trace-id, parent-id, flags.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

log = structlog.get_logger("holdgate.check")


class Context(Protocol):
    """What the handler needs of grpc.aio's ServicerContext."""

    def time_remaining(self) -> float | None:
        """Return the seconds until the caller's deadline, None without one."""
        ...


class CheckHandler(AuthorizationServicer):
    """Judges each call within its deadline. Nothing but an Outcome's own allow lets a request through."""

    def __init__(  # noqa: PLR0913 - each is one collaborator, named at the only call
        self,
        judge: Callable[[CheckCall], Awaitable[Outcome]],
        metrics: Metrics,
        *,
        body_limit: int,
        timeout: float,
        bodies: BodyParser | None = BODIES,
        waiting: Waiting | None = None,
        admission: Admission | None = None,
    ) -> None:
        """`body_limit` is HOLDGATE_BODY_LIMIT, `timeout` in seconds bounds the judging of each call.

        With None for `bodies` the policy sees no parsed body; with None for `waiting` no check waits for people.
        `admission` is the one of the server.
        """
        self._waiting = waiting
        self._admission = admission or Admission(0)
        self._bodies = bodies
        self._judge = judge
        self._metrics = metrics
        self._body_limit = body_limit
        self._timeout = timeout

    async def Check(self, request: CheckRequest, context: Context) -> CheckResponse:  # noqa: N802 - gRPC's name
        """Answer one check. A cancelled call is not answered, and has redeemed nothing that it didn't record."""
        started = monotonic()
        remaining = context.time_remaining()
        patience = self._timeout if remaining is None else remaining
        budget = min(self._timeout, patience)
        gated: GatedRequest | None = None
        waited = 0.0
        self._metrics.checks_in_flight.inc()
        try:
            try:
                gated = gated_request(request, self._body_limit)
                document = policy_input(request, gated, self._bodies)
                call = CheckCall(gated, document, started + budget, since=started, until=started + patience)
                async with asyncio.timeout(max(0.0, budget)):
                    outcome = await self._judge(call)
                if outcome.awaited is not None and self._waiting is not None:
                    judged = monotonic()
                    try:
                        with self._admission.outside(), self._metrics.not_in_flight():
                            outcome = await self._waiting.wait(call, outcome)
                    finally:
                        waited = monotonic() - judged
                outcome = _identified(outcome)
                response = check_response(outcome, request)
            except Exception as error:  # noqa: BLE001 - the one boundary: any error is an answer, none is an allow
                outcome = _identified(self._failed(error))
                response = check_response(outcome, request)
        finally:
            self._metrics.checks_in_flight.dec()
        self._record(gated, outcome, monotonic() - started - waited, waited)
        return response

    def _failed(self, error: Exception) -> Outcome:
        outcome = failure(error)
        self._metrics.errors.labels(outcome.detail).inc()
        if isinstance(error, PolicyMalformed):
            self._metrics.policy_errors.inc()
            log.error("policy.malformed", problem=str(error), advice="mend the policy; see docs/policies.md")
        elif not isinstance(error, HoldgateError | TimeoutError):
            # The message may hold what the client sent, so only type and place are logged.
            places = [
                f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            log.error("check.unexpected", error=type(error).__name__, places=places[-8:])
        elif outcome.kind is Kind.ERROR and not isinstance(error, BadRequest):
            # The text of errors of ours alone: a foreign one's may hold what the client sent.
            text = str(error) if isinstance(error, HoldgateError) else ""
            log.warning("check.unavailable", problem=text or outcome.detail)
        return outcome

    def _record(self, gated: GatedRequest | None, outcome: Outcome, seconds: float, waited: float) -> None:
        """One line a check. No query, header value or body: they may hold secrets."""
        self._metrics.answered(outcome.kind, seconds)
        log.info(
            "check",
            decision=outcome.kind.value,
            status=outcome.answer.status if isinstance(outcome.answer, Respond) else 0,
            method=gated.method if gated else "",
            host=gated.host if gated else "",
            path=gated.path if gated else "",
            request_id=gated.check_id.http_id if gated else "",
            trace_id=_trace_id(gated) if gated else "",
            principal=outcome.principal,
            ticket_id=outcome.ticket_id,
            rule=outcome.rule,
            decision_id=outcome.decision_id,
            detail=outcome.detail,
            duration_ms=round(seconds * 1000, 3),
            **({"waited_ms": round(waited * 1000)} if waited else {}),
        )


def _identified(outcome: Outcome) -> Outcome:
    """Give it a decision id where OPA gave none: it does so only while it logs decisions."""
    return outcome if outcome.decision_id else replace(outcome, decision_id=str(uuid4()))


def _trace_id(request: GatedRequest) -> str:
    """Return the trace id of a W3C `traceparent`, or nothing where there is none."""
    values = request.values("traceparent")
    match = _TRACEPARENT.match(values[0]) if len(values) == 1 else None
    return match.group(1).decode("ascii") if match else ""
