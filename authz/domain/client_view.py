"""What the requester may know of a ticket: the members of the 202, the 403 and the status answer."""

from __future__ import annotations

from authz.domain.problems import Problem
from authz.domain.reserved_paths import TICKETS_PREFIX
from authz.domain.standing import standing
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.timestamps import rfc3339, seconds_until

POLL_SECONDS = 5

OF_STATE = {
    State.REJECTED: Problem.REJECTED,
    State.EXPIRED: Problem.EXPIRED,
    State.LAPSED: Problem.LAPSED,
    State.CANCELLED: Problem.CANCELLED,
    State.SUPERSEDED: Problem.SUPERSEDED,
    State.REVOKED: Problem.REVOKED,
    State.USED_UP: Problem.USED_UP,
}

APPROVED_DETAIL = (
    "This request is approved. Send exactly the same request again, before expires_at, "
    "with the header x-approval-ticket set to the token."
)


def status_path(ticket_id: str) -> str:
    """The path of the status resource, on the gated host."""
    return TICKETS_PREFIX + ticket_id


def advice(state: State) -> str:
    """The one sentence or two that say what to do about a ticket in this state."""
    if state is State.APPROVED:
        return APPROVED_DETAIL
    return OF_STATE.get(state, Problem.HELD).value.detail


def review_url(public_url: str, ticket_id: str) -> str:
    """The page where people decide. It locates the ticket and grants nothing."""
    return f"{public_url.rstrip('/')}/tickets/{ticket_id}"


def retry_after(ticket: Ticket, now_ms: int) -> int:
    """Seconds after which asking again makes sense: 0 once approved, else a short while within the deadline."""
    if ticket.state_at(now_ms) is not State.PENDING:
        return 0
    return max(1, min(POLL_SECONDS, seconds_until(ticket.expires_at, now_ms)))


def ticket_members(ticket: Ticket, now_ms: int, public_url: str) -> dict[str, object]:
    """The JSON members common to every answer about this ticket; the token isn't among them."""
    draft = ticket.draft
    state = ticket.state_at(now_ms)
    count = standing(draft, ticket.votes)
    return {
        "id": ticket.id,
        "state": state.value,
        "rule": draft.requirement.rule,
        "reason": draft.requirement.reason,
        "created_at": rfc3339(ticket.created_at),
        "expires_at": rfc3339(ticket.window_until or ticket.expires_at),
        "retry_after": retry_after(ticket, now_ms),
        "progress": {
            "given": count.given,
            "needed": count.needed,
            "awaiting": list(count.awaiting) if state is State.PENDING else [],
        },
        "links": {"status": status_path(ticket.id), "review": review_url(public_url, ticket.id)},
    }


def ending_members(ticket: Ticket, now_ms: int) -> dict[str, object]:
    """Who ended a ticket, when and why, as far as the requester may know."""
    state = ticket.state_at(now_ms)
    members: dict[str, object] = {}
    ended_at = ticket.ended_at
    if state is State.EXPIRED:
        ended_at = ticket.expires_at
    elif state is State.LAPSED:
        ended_at = ticket.window_until
    if ended_at is not None:
        members["ended_at"] = rfc3339(ended_at)
    if state is State.REJECTED:
        vote = next(vote for vote in ticket.votes if vote.choice is Choice.REJECT)
        members["rejected_by"] = vote.name or vote.identity.id
        members["comment"] = vote.comment
    if ticket.ending is not None:
        members["ended_by"] = ticket.ending.name or ticket.ending.identity.id
        members["comment"] = ticket.ending.comment
    if state is State.USED_UP:
        members["used_by"] = [
            {"request_id": use.check.http_id, "at": rfc3339(use.at)} for use in ticket.redemptions[-3:]
        ]
    return members
