"""Refuses checks beyond a bound at once, so that those that are admitted are answered in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from authz.adapters.telemetry.metrics import Metrics
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer


class Admission:
    """Counts the checks that are being judged."""

    def __init__(self, limit: int) -> None:
        """`limit` is HOLDGATE_MAX_CONCURRENT_CHECKS."""
        self._limit = limit
        self._admitted = 0

    @property
    def full(self) -> bool:
        """Whether no further check is to be judged now."""
        return self._admitted >= self._limit

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count a check while it is judged."""
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Don't count it while it only waits for people: that has a bound of its own."""
        self._admitted -= 1
        try:
            yield
        finally:
            self._admitted += 1


class Shedding(AuthorizationServicer):
    """Passes on what is admitted.

    Not left to gRPC's own bound, which counts health checks as well: an overloaded server would be taken for a dead
    one, its load would go to the others, and they would follow.
    """

    def __init__(self, handler: AuthorizationServicer, admission: Admission, metrics: Metrics) -> None:
        """`handler` answers what is admitted."""
        self._check: Any = handler.Check
        self._admission = admission
        self._metrics = metrics

    async def Check(self, request: CheckRequest, context: Any) -> CheckResponse:  # noqa: ANN401, N802 - gRPC's
        """Answer, or abort with RESOURCE_EXHAUSTED, which Envoy answers with its `status_on_error`."""
        if self._admission.full:
            self._metrics.checks_shed.inc()
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "HOLDGATE_MAX_CONCURRENT_CHECKS are being judged"
            )
        with self._admission.inside():
            response: CheckResponse = await self._check(request, context)
        return response
