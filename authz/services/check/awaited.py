"""What a held request waits for."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.ticket import State, Ticket


@dataclass(frozen=True, slots=True)
class Awaited:
    """A living ticket as the answer to a check found it.

    `wait_ms` is how long its rule has every request wait, `left_ms` how long it can still be voted on (or used, where
    it is `approved`), and `whose` is for whom those that wait are counted.
    """

    ticket_id: str
    wait_ms: int
    left_ms: int
    whose: str
    approved: bool


def awaited(ticket: Ticket, now_ms: int) -> Awaited | None:
    """Return what there is to wait for at this ticket; None where nothing will change any more."""
    state = ticket.state_at(now_ms)
    if not state.live:
        return None
    draft = ticket.draft
    return Awaited(
        ticket.id,
        draft.requirement.wait_ms,
        max(0, (ticket.window_until or ticket.expires_at) - now_ms),
        draft.quota_key or str(draft.requester.identity),
        approved=state is State.APPROVED,
    )
