"""One Check call on its way through the service, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.request import GatedRequest

# What answering itself takes; the rest of Envoy's deadline is for OPA and Redis.
_RESERVE_S = 0.01


@dataclass(frozen=True, slots=True)
class CheckCall:
    """A request, the policy input made of it, and when Envoy stops waiting (seconds on `clock`)."""

    request: GatedRequest
    document: Mapping[str, object]
    deadline: float
    clock: Callable[[], float] = monotonic

    def remaining(self) -> float:
        """Seconds that may still be spent, never negative."""
        return max(0.0, self.deadline - self.clock() - _RESERVE_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a check, and what log, metrics and dynamic metadata say about it."""

    kind: Kind
    answer: Forward | Respond
    decision_id: str = ""
    ticket_id: str = ""
    rule: str = ""
    principal: str = ""
    detail: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
