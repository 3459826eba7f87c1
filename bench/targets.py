"""An ext_authz server that is measured, ours or another, and the proof that its answers are allows."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationStub
from bench import h2load
from bench.processes import Costs, Meter
from bench.question import check_request, framed

_METHOD = "/envoy.service.auth.v3.Authorization/Check"
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: answers a second, and what each process spent on one."""

    rate: float
    costs: Costs


@dataclass(frozen=True, slots=True)
class Target:
    """`pids` are the processes behind an address. `metrics` is the address of Holdgate's own metrics, or empty."""

    name: str
    address: str
    pids: Mapping[str, int] = field(default_factory=dict)
    metrics: str = ""

    def measure(self, body: Path, streams: int, number: int) -> Measured:
        """Ask `number` times. Raises Unusable unless every single answer was an allow."""
        size = self.allow_size()
        counted = self._allows()
        meter = Meter(self.pids)
        run = h2load.run(f"http://{self.address}{_METHOD}", *h2load.check_options(body, streams, number))
        costs = meter.costs(number)
        # h2load sees no trailers. A call that fails has no message, and a refusal has a longer one.
        if run.data != size * number:
            raise h2load.Unusable(
                f"{self.name}: {run.data} bytes of answers, {size * number} would be all allows"
            )
        if self.metrics and self._allows() - counted != number:
            raise h2load.Unusable(f"{self.name} counts {self._allows() - counted:.0f} allows of {number}")
        if self.allow_size() != size:
            raise h2load.Unusable(f"{self.name} answers otherwise than before the run")
        return Measured(run.rate, costs)

    def allow_size(self) -> int:
        """Ask once; return the framed answer's length. Raises Unusable unless it is an allow."""
        answer = self.answer(check_request())
        if answer.status.code != 0 or answer.HasField("denied_response"):
            raise h2load.Unusable(f"{self.name} doesn't allow what is asked: {answer!s:.500}")
        return len(framed(answer.SerializeToString()))

    def answer(self, check: CheckRequest) -> CheckResponse:
        """Ask one check over a connection of its own. Raises Unusable when the call fails."""
        with grpc.insecure_channel(self.address) as channel:
            try:
                answer: CheckResponse = AuthorizationStub(channel).Check(check, timeout=_TIMEOUT_S)
            except grpc.RpcError as error:
                raise h2load.Unusable(f"{self.name} at {self.address}: {error}") from error
        return answer

    def _allows(self) -> float:
        if not self.metrics:
            return 0.0
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
            return allows(answer.read().decode())


def allows(metrics: str) -> float:
    """Return how many checks were allowed, from Holdgate's metrics in the Prometheus text format."""
    name = 'holdgate_checks_total{decision="allow"} '
    return sum(float(line.removeprefix(name)) for line in metrics.splitlines() if line.startswith(name))
