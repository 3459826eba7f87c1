"""What every channel says about a ticket in our own words, and the facts about it that nobody else wrote."""

from __future__ import annotations

from authz.domain.break_glass import Review
from authz.domain.duration import format_duration
from authz.domain.quorum import Progress
from authz.domain.standing import standing
from authz.domain.ticket import State, Ticket
from authz.domain.timestamps import rfc3339
from authz.domain.token import short_code

DIGEST_CHARACTERS = 16
FOR_INFORMATION = "For your information: others are asked to decide."

_HEADLINES = {
    State.PENDING: "Approval needed",
    State.APPROVED: "Approved",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired: nobody decided in time",
    State.USED_UP: "Approved and used",
    State.LAPSED: "Approved, but not used in time",
    State.CANCELLED: "Taken back by the requester",
    State.SUPERSEDED: "Replaced by another ticket",
    State.REVOKED: "Approved, then revoked",
}


def headline(ticket: Ticket, state: State) -> str:
    """Return the state in words with the short code, which the page shows too."""
    return f"{_HEADLINES[state]} · {short_code(ticket.id)}"


def summary(ticket: Ticket, state: State, link: str) -> str:
    """Return one line of plain text without a word of anybody else's: state, code, rule (a slug), link."""
    return f"{headline(ticket, state)}, rule {ticket.draft.requirement.rule}: {link}"


def ticket_link(public_url: str, ticket: Ticket) -> str:
    """Return where the page of a ticket is. The link locates and grants nothing."""
    return f"{public_url.rstrip('/')}/tickets/{ticket.id}"


def review_headline(review: Review) -> str:
    """Return whether break-glass was used or reviewed, with the short code."""
    words = "Break-glass used" if review.done_at is None else "Break-glass reviewed"
    return f"{words} · {short_code(review.id)}"


def review_link(public_url: str, review: Review) -> str:
    """Return where the page of a use of break-glass is."""
    return f"{public_url.rstrip('/')}/break-glass/{review.id}"


def approvals(ticket: Ticket) -> Progress:
    """Return how far the approvals are."""
    draft = ticket.draft
    return standing(draft, ticket.votes)


def facts(ticket: Ticket, state: State) -> list[tuple[str, str]]:
    """Return (title, value) pairs made only of our own words, numbers, times and hex digits."""
    requirement = ticket.draft.requirement
    given = approvals(ticket)
    uses = "once" if requirement.uses == 1 else f"{requirement.uses} times"
    pairs = [
        ("Code", short_code(ticket.id)),
        ("Approvals", f"{given.given} of {given.needed}"),
        ("Asked at", moment(ticket.created_at)),
    ]
    if state is State.PENDING:
        pairs += [
            ("Decide before", moment(ticket.expires_at)),
            ("An approval is good for", f"{uses}, within {format_duration(requirement.valid_for_ms)}"),
        ]
    elif state is State.APPROVED and ticket.window_until is not None:
        pairs.append(("May run", f"{uses}, before {moment(ticket.window_until)}"))
    elif ticket.ended_at is not None:
        pairs.append(("Ended at", moment(ticket.ended_at)))
    pairs.append(("Payload digest", f"{ticket.draft.fingerprint.payload_digest[:DIGEST_CHARACTERS]}…"))
    return pairs


def moment(milliseconds: int) -> str:
    """Return `2026-01-31 08:15:00 UTC`."""
    return rfc3339(milliseconds).replace("T", " ").replace("Z", " UTC")
