"""What a rule has told of a ticket that nobody decides: a reminder, and escalations to others."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.events import EventType
from authz.domain.ticket import Ticket


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One notice about a ticket that is still pending at `due_at` (epoch ms by Redis).

    It is known for ever by its ticket, `type` and `rev`. A follow-up is no transition, so `rev` isn't the ticket's: it
    counts the follow-ups of one type, from 1. `route` is whom an escalation goes to, empty for a reminder.
    """

    type: EventType
    rev: int
    due_at: int
    route: str = ""


def follow_ups(ticket: Ticket) -> tuple[FollowUp, ...]:
    """Return every follow-up of a ticket: the reminder first, then the escalations as the rules name them.

    Where several rules escalate to one route, the earliest of these is the only one.
    """
    requirement = ticket.draft.requirement
    begun = ticket.created_at
    reminders: tuple[FollowUp, ...] = ()
    if requirement.remind_after_ms:
        reminders = (FollowUp(EventType.TICKET_REMINDED, 1, begun + requirement.remind_after_ms),)
    escalations = [
        FollowUp(EventType.TICKET_ESCALATED, rev, begun + escalation.after_ms, escalation.notify)
        for rev, escalation in enumerate(requirement.escalations, 1)
    ]
    first: dict[str, FollowUp] = {}
    for each in sorted(escalations, key=lambda each: each.due_at):
        first.setdefault(each.route, each)
    return (*reminders, *(each for each in escalations if first[each.route] is each))


def to_come(ticket: Ticket) -> tuple[FollowUp, ...]:
    """Return the follow-ups that can come at all: at its deadline a ticket is over, and nothing is told then."""
    return tuple(each for each in follow_ups(ticket) if each.due_at < ticket.expires_at)


def escalated_to(ticket: Ticket, now: int) -> tuple[str, ...]:
    """Return the routes that were asked, too, while the ticket was pending; these belong to it from then on."""
    ended = (moment for moment in (ticket.approved_at, ticket.ended_at) if moment is not None)
    pending_until = min((*ended, now))
    return tuple(each.route for each in to_come(ticket) if each.route and each.due_at <= pending_until)
