"""`input.approval`: what the policy sees of an approved ticket at redemption."""

from __future__ import annotations

from authz.domain.ticket import Choice, Ticket
from authz.domain.timestamps import rfc3339


def approval_input(ticket: Ticket, *, replay: bool) -> dict[str, object]:
    """Describe an approved ticket to the policy.

    A replayed Check is told of the use that it has taken already, so that it is judged as the first time.
    """
    draft = ticket.draft
    approvals = [vote for vote in ticket.votes if vote.choice is Choice.APPROVE]
    return {
        "id": ticket.id,
        "rule": draft.requirement.rule,
        "reason": draft.requirement.reason,
        "justification": draft.justification,
        "requested_at": rfc3339(ticket.created_at),
        "approved_at": rfc3339(ticket.approved_at or ticket.created_at),
        "votes": [
            {
                "by": {
                    "ns": vote.identity.ns,
                    "id": vote.identity.id,
                    "name": vote.name,
                    "groups": list(vote.groups),
                },
                "at": rfc3339(vote.at),
                "comment": vote.comment,
            }
            for vote in approvals
        ],
        "uses_left": ticket.uses_left + (1 if replay else 0),
    }
