"""What the operator's rule sees of a ticket or a review; `holdgate schema vote` is its description."""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import ReviewDraft
from authz.domain.ticket import State, Ticket, TicketDraft, Vote
from authz.domain.timestamps import rfc3339


def ticket_subject(ticket: Ticket, now_ms: int) -> dict[str, object]:
    """Describe a ticket."""
    described = draft_subject(ticket.draft)
    votes = [_vote(vote) for vote in ticket.votes]
    return {**described, "state": ticket.state_at(now_ms).value, "votes": votes}


def draft_subject(draft: TicketDraft) -> dict[str, object]:
    """Describe a ticket that somebody is about to get."""
    demands = draft.requirement.demands
    return {
        "id": draft.id,
        "rule": demands[0].rule,
        "rules": [demand.rule for demand in demands],
        "reason": draft.requirement.reason,
        "state": State.PENDING.value,
        "requester": _somebody(draft.requester.identity.ns, draft.requester.identity.id, draft.requester.name)
        | {"person": draft.requester_person or ""},
        "approvers": [[_seat(approver) for approver in demand.approvers] for demand in demands],
        "risk": draft.requirement.risk.value,
        "method": draft.request.method,
        "host": draft.request.host,
        "path": draft.request.path,
        "votes": [],
    }


def review_subject(draft: ReviewDraft, reviewers: Sequence[Approver] = ()) -> dict[str, object]:
    """Describe a use of break-glass: whoever is in its group counts as asked, and for its review `reviewers` too."""
    return {
        "id": draft.id,
        "rule": draft.break_glass.rule,
        "rules": [draft.break_glass.rule],
        "reason": draft.break_glass.reason,
        "state": State.PENDING.value,
        "requester": _somebody(draft.requester.identity.ns, draft.requester.identity.id, draft.requester.name)
        | {"person": draft.person},
        "approvers": [[{"group": draft.break_glass.group, "count": 1}, *map(_seat, reviewers)]],
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
