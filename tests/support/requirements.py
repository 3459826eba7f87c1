"""Requirements like those that a policy makes, with whatever a test wants different."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authz.domain.approver import Approver, ApproverKind
from authz.domain.requirement import Demand, Requirement

SRE = Approver(ApproverKind.GROUP, "sre")


def requirement(
    *approvers: Approver,
    rule: str = "delete-production",
    reason: str = "",
    **fields: Any,  # noqa: ANN401 - Requirement's own
) -> Requirement:
    """Return a requirement of one demand: one approval by sre, half an hour, one use within a quarter of an hour."""
    terms: dict[str, Any] = {"expires_in_ms": 1_800_000, "uses": 1, "valid_for_ms": 900_000, **fields}
    return Requirement(demands=(Demand(rule, reason, (approvers or (SRE,),)),), **terms)


def approved_by(original: Requirement, *approvers: Approver) -> Requirement:
    """Return the same requirement with other approvers in its only demand."""
    (demand,) = original.demands
    return replace(original, demands=(replace(demand, alternatives=(approvers,)),))


def seats_of(original: Requirement) -> int:
    """Return how many seats all demands have together, in the smallest alternative of each."""
    return sum(
        min(sum(approver.count for approver in seats) for seats in demand.alternatives)
        for demand in original.demands
    )
