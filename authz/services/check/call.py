"""One Check call on its way through the service, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.request import GatedRequest
from authz.services.check.awaited import Awaited

# What answering itself takes; the rest of Envoy's deadline is for OPA and Redis.
_RESERVE_S = 0.01


@dataclass(frozen=True, slots=True)
class CheckCall:
    """A request, the policy input made of it, and by when it is to be judged (seconds on `clock`).

    `since` is when it came, and `until` when Envoy stops waiting, where that is later than `deadline`.
    """

    request: GatedRequest
    document: Mapping[str, object]
    deadline: float
    clock: Callable[[], float] = monotonic
    since: float = 0.0
    until: float = 0.0

    def remaining(self) -> float:
        """Seconds that may still be spent, never negative."""
        return max(0.0, self.deadline - self.clock() - _RESERVE_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a check, and what log, metrics and dynamic metadata say about it.

    `awaited` is there for a hold that may be waited for. `repeats` says of one that the rule lets an equal request
    redeem the ticket without presenting it.
    """

    kind: Kind
    answer: Forward | Respond
    decision_id: str = ""
    ticket_id: str = ""
    rule: str = ""
    principal: str = ""
    detail: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    awaited: Awaited | None = None
    repeats: bool = False
