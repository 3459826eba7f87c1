"""What a row of the contract says, and the tables that hold rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from tests.e2e.gate.client_kinds import Seen
from tests.e2e.gate.client_scene import Scene

Act = Callable[[Scene], Seen]

HOLD = frozenset(
    {"id", "state", "rule", "reason", "created_at", "expires_at", "links_status", "links_review"}
    | {"progress_given", "progress_needed", "progress_awaiting"}
)
ENDED = HOLD | {"ended_at"}
PENDING = {"members": HOLD, "values": {"state": "pending"}, "retry": (5,)}
SHORTLY = (1,)


@dataclass(frozen=True, slots=True)
class Row:
    """One case: what is done, and what the client sees of it in the end.

    `members` are the names of all, `values` of some. `retry` are the seconds that `retry-after` may say, none if it
    isn't there. `message` is the problem's own sentence if empty. `hits` is how often the upstream got the request.
    """

    act: Act
    http: int
    grpc: StatusCode
    reason: str = ""
    members: Collection[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    retry: Collection[int] = ()
    message: str = ""
    hits: int = 0


class Table(list[Row]):
    """Rows in their order. Each is a function that plays the case and returns what the client saw last."""

    def row(self, http: int, grpc: StatusCode, reason: str = "", **expected: Any) -> Callable[[Act], Act]:  # noqa: ANN401 - Row's own fields
        """Add the decorated function as a row."""

        def add(act: Act) -> Act:
            self.append(Row(act, http, grpc, reason, **expected))
            return act

        return add
