"""Refuses checks beyond a bound at once, so that those that are admitted are answered in time."""

from __future__ import annotations

from typing import Any

import grpc

from authz.adapters.telemetry.metrics import Metrics
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer


class Shedding(AuthorizationServicer):
    """Passes up to `limit` checks on at once.

    Not left to gRPC's own bound, which counts health checks as well: an overloaded server would be taken for a dead
    one, its load would go to the others, and they would follow.
    """

    def __init__(self, handler: AuthorizationServicer, limit: int, metrics: Metrics) -> None:
        """`handler` answers what is admitted."""
        self._check: Any = handler.Check
        self._limit = limit
        self._metrics = metrics
        self._admitted = 0

    async def Check(self, request: CheckRequest, context: Any) -> CheckResponse:  # noqa: ANN401, N802 - gRPC's
        """Answer, or abort with RESOURCE_EXHAUSTED, which Envoy answers with its `status_on_error`."""
        if self._admitted >= self._limit:
            self._metrics.checks_shed.inc()
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "HOLDGATE_MAX_CONCURRENT_CHECKS are being judged"
            )
        self._admitted += 1
        try:
            response: CheckResponse = await self._check(request, context)
        finally:
            self._admitted -= 1
        return response
