"""What a hold demands, and what an approval is good for, in words. Names in them are the policy's: escape them."""

from __future__ import annotations

from authz.domain.approver import Approver, ApproverKind
from authz.domain.duration import format_duration
from authz.domain.requirement import Demand, Requirement, Seats

SINGLE_USE = 1
HIGH_RISK = "High risk: a vote needs a strong and recent sign-in."


def demand_in_words(demand: Demand) -> str:
    """Return `2 of sre and carol-1 of https://idp.example; or anybody`."""
    return "; or ".join(alternatives_in_words(demand))


def alternatives_in_words(demand: Demand) -> list[str]:
    """Return each alternative: `2 of sre and 1 of security`."""
    return [_seats(seats) for seats in demand.alternatives]


def grant_in_words(requirement: Requirement) -> str:
    """Return `once, within 15m`, of an approval with a scope `any request of this rule and scope NAME …, 3 times …`."""
    uses = "once" if requirement.uses == SINGLE_USE else f"{requirement.uses} times"
    window = f"{uses}, within {format_duration(requirement.valid_for_ms)}"
    return f"{scope_in_words(requirement)}, {window}" if requirement.scope else window


def scope_in_words(requirement: Requirement) -> str:
    """Return what an approval with a scope covers. Rules and scopes are slugs."""
    return f"any request of rule {requirement.rule} and scope {requirement.scope} by this requester"


def _seats(seats: Seats) -> str:
    return " and ".join(_seat(approver) for approver in seats)


def _seat(approver: Approver) -> str:
    match approver.kind:
        case ApproverKind.GROUP:
            return f"{approver.count} of {approver.group}"
        case ApproverKind.ANY:
            return "anybody" if approver.count == 1 else f"any {approver.count} people"
        case ApproverKind.USER:
            return f"{approver.user.id} of {approver.user.ns}" if approver.user else approver.shown
