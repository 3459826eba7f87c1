"""What a mail says of a ticket or a use of break-glass: our own words, the link, and then what others wrote.

Each text of others stands on one line after a label of ours, so that none can look like a line of ours. An address in
it is broken, because mail programs make links of whatever looks like one.
"""

from __future__ import annotations

from collections.abc import Sequence

from authz.adapters.cards.demand_words import HIGH_RISK, demand_in_words, scope_in_words
from authz.adapters.cards.digest_words import digest_headline, digest_text, list_link
from authz.adapters.cards.secrets import mask_pairs
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import (
    ONLY_WITH_CODE,
    approvals,
    facts,
    headline,
    moment,
    news,
    review_headline,
    review_link,
    ticket_link,
)
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.requirement import Risk
from authz.domain.ticket import Choice, Ending, FrozenRequest, State
from authz.domain.token import short_code
from authz.services.digest import Digest
from authz.services.ports import Alarm, Posting

TARGET = 2000
SENTENCE = 500
NAME = 120
LINES = 20
_FIRST_WORDS = {EventType.TICKET_REMINDED: "Reminder: ", EventType.TICKET_ESCALATED: "Escalated: "}
_VERBS = {Choice.APPROVE: "Approved by", Choice.REJECT: "Rejected by"}


def ticket_subject(posting: Posting) -> str:
    """Return the state, the code and the rule, which is a slug: no word of anybody else's."""
    ticket = posting.ticket
    state = ticket.state_at(posting.now)
    first = _FIRST_WORDS.get(posting.type, "") if state is State.PENDING else ""
    return f"{first}{headline(ticket, state)}, rule {ticket.draft.requirement.rule}"


def ticket_text(posting: Posting, public_url: str) -> str:
    """Return the text of a mail about a ticket as it is now."""
    ticket = posting.ticket
    draft = ticket.draft
    requirement = draft.requirement
    state = ticket.state_at(posting.now)
    pending = state is State.PENDING
    ours = [headline(ticket, state), ticket_link(public_url, ticket), *news(posting, state)]
    if pending and not posting.copied:
        ours.append(ONLY_WITH_CODE.format(short_code(ticket.id)))
    if pending and requirement.risk is Risk.HIGH:
        ours.append(HIGH_RISK)
    if pending and requirement.scope:
        ours.append(f"Not only this request: an approval is good for {scope_in_words(requirement)}.")
    rows = [
        *_request(draft.request),
        ("Requester", _somebody(draft.requester.identity, draft.requester.name)),
    ]
    for demand in requirement.demands[:LINES]:
        rows += [
            ("Rule", _text(demand.rule)),
            ("Reason", _text(demand.reason)),
            ("Asks for", _text(demand_in_words(demand))),
        ]
    rows += [("The requester says (unchecked)", _text(draft.justification)), *_shown(requirement.show)]
    for vote in ticket.votes[-LINES:]:
        said = f"{_somebody(vote.identity, vote.name)} at {moment(vote.at)}{_comment(vote.comment)}"
        rows.append((_VERBS[vote.choice], said))
    rows += _ending("Ended by", ticket.ending)
    if pending:
        rows.append(("Waiting for", _text("; ".join(approvals(ticket).awaiting))))
    return _mail(ours, [*rows, *facts(ticket, state)])


def alarm_subject(alarm: Alarm) -> str:
    """Return what happened, the code and the rule: no word of anybody else's."""
    review = alarm.review
    return f"{review_headline(review)}, rule {review.draft.break_glass.rule}"


def alarm_text(alarm: Alarm, public_url: str) -> str:
    """Return the text of a mail about a use of break-glass."""
    review = alarm.review
    draft = review.draft
    terms = draft.break_glass
    rows = [
        *_request(draft.request),
        ("Who", _somebody(draft.requester.identity, draft.requester.name)),
        ("The rule says", _text(terms.reason)),
        ("The requester says (unchecked)", _text(draft.justification)),
        *_shown(terms.show),
        *_ending("Reviewed by", review.done_by),
        ("Code", short_code(review.id)),
        ("Used at", moment(review.used_at)),
        ("Review before", moment(review.due_at) if review.done_at is None else ""),
        ("Reviewed at", "" if review.done_at is None else moment(review.done_at)),
    ]
    return _mail([alarm_subject(alarm), review_link(public_url, review)], rows)


def digest_letter(digest: Digest, public_url: str) -> str:
    """Return the text of a mail that stands for many tickets."""
    return _mail([digest_headline(digest), list_link(public_url), digest_text(digest)], [])


def _mail(ours: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"{label}: {text}" for label, text in rows if text]
    return "\n\n".join([*ours, "\n".join(lines)]) + "\n"


def _request(request: FrozenRequest) -> list[tuple[str, str]]:
    query = "" if request.query is None else f"?{mask_pairs(request.query)}"
    target = f"{request.method} {request.scheme}://{request.host}{request.path}{query}"
    checked = "" if request.body_checked else "Body not checked: it may differ when this runs."
    return [("Request", _text(target, TARGET)), ("Body", checked or f"{request.body_size} bytes")]


def _shown(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("From the policy", f"{_text(title, NAME)} = {_text(value)}") for title, value in pairs[:LINES]]


def _ending(label: str, ending: Ending | None) -> list[tuple[str, str]]:
    if ending is None:
        return []
    return [(label, f"{_somebody(ending.identity, ending.name)}{_comment(ending.comment)}")]


def _somebody(identity: Identity, name: str) -> str:
    stable = f"{_text(identity.id, NAME)} of {_text(identity.ns, NAME)}"
    return f"{_text(name, NAME)} ({stable})" if name and name != identity.id else stable


def _comment(text: str) -> str:
    return f", saying: {_text(text)}" if text.strip() else ""


def _text(text: str, limit: int = SENTENCE) -> str:
    return one_line(text, limit).replace("://", "[:]//")
