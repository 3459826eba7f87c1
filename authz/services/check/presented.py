"""A ticket as one call presents it."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.ticket import State, Ticket


@dataclass(frozen=True, slots=True)
class Presented:
    """What changed since the ticket was opened, and whether this Check was counted already (`replay`).

    `now` is Redis's time, epoch ms. Nothing can have changed for a session's ticket, which is for any request.
    """

    ticket: Ticket
    now: int
    changed: tuple[str, ...]
    replay: bool

    @property
    def session(self) -> bool:
        """Whether the ticket is for a scope rather than for one request."""
        return bool(self.ticket.draft.requirement.scope)

    @property
    def state(self) -> State:
        """The ticket's state by the clock."""
        return self.ticket.state_at(self.now)

    @property
    def usable(self) -> bool:
        """Whether the votes on it may let this request through."""
        return not self.changed and (self.replay or self.state is State.APPROVED)
