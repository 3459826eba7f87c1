"""What the operator's rule sees of a ticket or a review; `holdgate schema vote` is its description."""

from __future__ import annotations

from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import Review
from authz.domain.ticket import State, Ticket, Vote
from authz.domain.timestamps import rfc3339


def ticket_subject(ticket: Ticket, now_ms: int) -> dict[str, object]:
    """Describe a ticket."""
    draft = ticket.draft
    demands = draft.requirement.demands
    return {
        "id": ticket.id,
        "rule": demands[0].rule,
        "rules": [demand.rule for demand in demands],
        "reason": draft.requirement.reason,
        "state": ticket.state_at(now_ms).value,
        "requester": _somebody(draft.requester.identity.ns, draft.requester.identity.id, draft.requester.name)
        | {"person": draft.requester_person or ""},
        "approvers": [[_seat(approver) for approver in demand.approvers] for demand in demands],
        "risk": draft.requirement.risk.value,
        "method": draft.request.method,
        "host": draft.request.host,
        "path": draft.request.path,
        "votes": [_vote(vote) for vote in ticket.votes],
    }


def review_subject(review: Review) -> dict[str, object]:
    """Describe a review of break-glass: whoever is in its group counts as asked."""
    draft = review.draft
    return {
        "id": review.id,
        "rule": draft.break_glass.rule,
        "rules": [draft.break_glass.rule],
        "reason": draft.break_glass.reason,
        "state": (State.APPROVED if review.done_at else State.PENDING).value,
        "requester": _somebody(draft.requester.identity.ns, draft.requester.identity.id, draft.requester.name)
        | {"person": draft.person},
        "approvers": [[{"group": draft.break_glass.group, "count": 1}]],
        "risk": "high",
        "method": draft.request.method,
        "host": draft.request.host,
        "path": draft.request.path,
        "votes": [],
    }


def _somebody(ns: str, identifier: str, name: str) -> dict[str, object]:
    return {"ns": ns, "id": identifier, "name": name}


def _seat(approver: Approver) -> dict[str, object]:
    match approver.kind:
        case ApproverKind.GROUP:
            return {"group": approver.group, "count": approver.count}
        case ApproverKind.ANY:
            return {"any": True, "count": approver.count}
        case ApproverKind.USER:
            user = approver.user
            return {"user": {"ns": user.ns, "id": user.id} if user else {}, "count": 1}


def _vote(vote: Vote) -> dict[str, object]:
    by = _somebody(vote.identity.ns, vote.identity.id, vote.name)
    return {
        "choice": vote.choice.value,
        "by": by | {"person": vote.person, "groups": list(vote.groups)},
        "at": rfc3339(vote.at),
    }
