"""What every channel says about a ticket in our own words, and the facts about it that nobody else wrote."""

from __future__ import annotations

from authz.adapters.cards.demand_words import grant_in_words
from authz.domain.break_glass import Review
from authz.domain.duration import format_duration
from authz.domain.events import EventType
from authz.domain.quorum import Progress
from authz.domain.requirement import Requirement
from authz.domain.standing import standing
from authz.domain.ticket import State, Ticket
from authz.domain.timestamps import rfc3339
from authz.domain.token import short_code
from authz.services.ports import Posting

DIGEST_CHARACTERS = 16
FOR_INFORMATION = "For your information: others are asked to decide."
ONLY_WITH_CODE = "Decide on the page, and only if it shows the code {} too."

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

_OUTCOMES = {
    State.APPROVED: "Nothing has run yet. It runs when it is sent again, if the policy still agrees.",
    State.REJECTED: "It did not run, and sending it again does not change that.",
    State.EXPIRED: "It did not run: not enough people approved it in time.",
    State.USED_UP: "It was approved, and was sent through as often as the approval was given for.",
    State.LAPSED: "It was approved, and the time to use the approval has passed.",
    State.CANCELLED: "It did not run: who asked for it took it back.",
    State.SUPERSEDED: "The policy asks for something else by now, so another ticket has taken its place.",
    State.REVOKED: "It was approved, and the approval was taken back.",
}
# Cards aren't changed for each of many uses, so they don't say how many there were.
_SEVERAL_USES = (
    "It runs each time that it is sent again, as often as was approved, if the policy still agrees. "
    "The page says how often it has."
)
_NEWS = {
    EventType.VOTE_WITHDRAWN: "A vote was withdrawn.",
    EventType.TICKET_REMINDED: "Reminder: it is still waiting.",
    EventType.TICKET_ESCALATED: "Escalated: it has waited for so long that others are asked, too.",
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


def review_line(review: Review) -> str:
    """Return what is asked of reviewers and until when; afterwards nothing more than that it is done."""
    if review.done_at is not None:
        return "Somebody went through without an approval, and it was looked at."
    return f"Somebody went through without an approval. Review before {moment(review.due_at)}."


def review_link(public_url: str, review: Review) -> str:
    """Return where the page of a use of break-glass is."""
    return f"{public_url.rstrip('/')}/break-glass/{review.id}"


def approvals(ticket: Ticket) -> Progress:
    """Return how far the approvals are."""
    draft = ticket.draft
    return standing(draft, ticket.votes)


def request_label(ticket: Ticket, state: State) -> str:
    """Return what the request on a card is: what an approval lets run, or one of several, or what was asked."""
    if state is not State.PENDING:
        return "The request"
    return "The first request" if ticket.draft.requirement.scope else "What will run"


def standing_line(ticket: Ticket, state: State) -> str:
    """Return how far it is and until when it can be decided; afterwards what became of it."""
    if state is State.APPROVED and ticket.draft.requirement.uses > 1:
        return _SEVERAL_USES
    if state is not State.PENDING:
        return outcome(state)
    return f"{approvals_in_words(ticket)}. Decide before {moment(ticket.expires_at)}."


def outcome(state: State) -> str:
    """Return what a state that isn't pending means for the request."""
    return _OUTCOMES[state]


def approvals_in_words(ticket: Ticket) -> str:
    """Return `1 of 2 approvals, 1 missing`."""
    given = approvals(ticket)
    missing = given.needed - given.given
    return f"{given.given} of {given.needed} approvals" + (f", {missing} missing" if missing > 0 else "")


def news(posting: Posting, state: State) -> list[str]:
    """Return what a card says besides the state: what changed, what took its place, that others are asked."""
    ticket = posting.ticket
    if ticket.replaced_by:
        return [f"The ticket with the code {short_code(ticket.replaced_by)} has taken its place."]
    if state is not State.PENDING:
        return []
    told = [_NEWS[posting.type]] if posting.type in _NEWS else []
    return [*told, FOR_INFORMATION] if posting.copied else told


def scope_warning(requirement: Requirement) -> str:
    """Return what an approval with a scope lets through, whatever request it is shown with."""
    return (
        f"Not only this request: an approval is good for {grant_in_words(requirement)}, whatever they hold."
    )


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
            ("If approved", f"may run {uses}, within {format_duration(requirement.valid_for_ms)}"),
        ]
    elif state is State.APPROVED and ticket.window_until is not None:
        pairs.append(("May run", f"{uses}, before {moment(ticket.window_until)}"))
    elif ticket.ended_at is not None:
        pairs.append(("Ended at", moment(ticket.ended_at)))
    pairs.append(("Payload digest", f"{ticket.draft.fingerprint.payload_digest[:DIGEST_CHARACTERS]}…"))
    return pairs


def fine_print(ticket: Ticket, state: State) -> list[tuple[str, str]]:
    """Return the facts that a card with a headline and the standing line doesn't show yet."""
    shown = {"Code", "Decide before"}
    if state in {
        State.PENDING,
        State.REJECTED,
    }:  # where it stands above, and where it doesn't matter any more
        shown.add("Approvals")
    return [pair for pair in facts(ticket, state) if pair[0] not in shown]


def moment(milliseconds: int) -> str:
    """Return `2026-01-31 08:15:00 UTC`."""
    return rfc3339(milliseconds).replace("T", " ").replace("Z", " UTC")
