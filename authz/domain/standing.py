"""How far the votes on a ticket are, with what is known of who asked and who voted."""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.approver import ApproverKind
from authz.domain.identity import Identity
from authz.domain.quorum import Progress, progress
from authz.domain.requirement import Requirement
from authz.domain.ticket import Choice, TicketDraft, Vote


def standing(draft: TicketDraft, votes: Sequence[Vote], demanded: Requirement | None = None) -> Progress:
    """Return the progress of the votes towards what was demanded then, or is `demanded` now.

    One approval more is needed where one of the voters could be the requester under another account: where nobody
    knows the requester's other accounts, or nobody knows a voter's and it is of another namespace than the requester's.
    """
    requirement = demanded or draft.requirement
    apart = all(_told_apart(draft.requester.identity, requirement, vote) for vote in votes)
    return progress(requirement, votes, requester_known=draft.requester_known and apart)


def _told_apart(requester: Identity, requirement: Requirement, vote: Vote) -> bool:
    """Say whether this vote is certainly somebody else's; one for a seat of one's own was asked for by name."""
    if vote.choice is not Choice.APPROVE or vote.linked or vote.identity.ns == requester.ns:
        return True
    seats = (approver for demand in requirement.demands for approver in demand.approvers)
    return any(seat.kind is ApproverKind.USER and seat.user == vote.identity for seat in seats)
