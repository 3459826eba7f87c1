"""What a hold demands: who must agree, how many, until when, for how often, bound to what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from authz.domain.approver import Approver

Seats: TypeAlias = tuple[Approver, ...]
"""All of these have to be filled."""


class Risk(StrEnum):
    """How strong a sign-in a vote needs: any, or a strong and recent one (`domain.sign_in`)."""

    NORMAL = "normal"
    HIGH = "high"


class Redeem(StrEnum):
    """Whether the retry has to show the token, or an exactly equal request of the same principal is enough."""

    HEADER = "header"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Demand:
    """Who must agree for one rule: any one of the alternatives, filled."""

    rule: str
    reason: str
    alternatives: tuple[Seats, ...]

    @property
    def approvers(self) -> Seats:
        """Everybody named, over all alternatives."""
        return tuple(approver for seats in self.alternatives for approver in seats)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom to tell (a route) when a ticket is still pending `after_ms` after it was created."""

    after_ms: int
    notify: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A validated `result.approval`: one demand, or several that must all be satisfied by the same votes.

    Durations are milliseconds. `scope` is empty for the exact request, which is the rule. `body_ignores` are JSON
    pointers (RFC 6901) to what may differ in a body. `notify` and `cc` are routes, `remind_after_ms` 0 for never.
    `show` is (title, value), untrusted text.
    """

    demands: tuple[Demand, ...]
    expires_in_ms: int
    uses: int
    valid_for_ms: int
    scope: str = ""
    bind_headers: tuple[str, ...] = ()
    bind_body: bool = True
    body_ignores: tuple[str, ...] = ()
    notify: tuple[str, ...] = ("default",)
    cc: tuple[str, ...] = ()
    remind_after_ms: int = 0
    escalations: tuple[Escalation, ...] = ()
    risk: Risk = Risk.NORMAL
    justification_required: bool = False
    redeem: Redeem = Redeem.HEADER
    wait_ms: int = 0
    show: tuple[tuple[str, str], ...] = ()

    @property
    def rule(self) -> str:
        """The rule's slug; of several demands their slugs, sorted and joined by `+`."""
        return "+".join(sorted({demand.rule for demand in self.demands}))

    @property
    def reason(self) -> str:
        """The reasons that were given, in the demands' order."""
        return "; ".join(dict.fromkeys(demand.reason for demand in self.demands if demand.reason))

    @property
    def terms(self) -> tuple[object, ...]:
        """What a vote agrees to besides the request: a pending ticket whose terms changed is superseded.

        Without what a policy may make from the clock: texts, shown values, durations. Of uses and window the smaller
        of then and now counts at redemption, so they need no new votes.
        """
        demands = frozenset(
            (demand.rule, frozenset(frozenset(Counter(seats).items()) for seats in demand.alternatives))
            for demand in self.demands
        )
        return (demands, self.scope, self.risk, frozenset(self.body_ignores))
