"""What a webhook is told: one event of the catalogue, with its ticket or review as it is when it is told.

Others' text is made fit to be shown, bounded, and secrets in it are masked, because what takes a webhook usually shows
it to people. A program that has to know exactly has the payload digest.
"""

from __future__ import annotations

from collections.abc import Sequence

from authz.adapters.cards.demand_words import demand_in_words
from authz.adapters.cards.secrets import mask_pairs
from authz.adapters.cards.text import one_line
from authz.adapters.cards.wording import approvals, review_link, ticket_link
from authz.domain.events import Event, EventType, cloud_event
from authz.domain.identity import Identity
from authz.domain.requirement import Demand
from authz.domain.ticket import Ending, FrozenRequest, Vote
from authz.domain.timestamps import rfc3339
from authz.domain.token import short_code
from authz.services.ports import Alarm, Posting

TARGET = 2000
SENTENCE = 500
NAME = 200
LINES = 20
"""Characters of each kind of text, and entries of each list. Together they keep an event below 256 KB, usually 2."""


def event_id(kind: EventType, identifier: str, rev: int) -> str:
    """Return what names this event for ever, whenever and however often it is sent. It has no full stop."""
    return f"{identifier}/{_place(kind, rev)}"


def ticket_event(posting: Posting, public_url: str) -> dict[str, object]:
    """Return the CloudEvent of what happened to a ticket.

    `time` is when it happened, by Redis's clock; where nobody knows that any more, when it is told, as `as_of` is.
    """
    ticket = posting.ticket
    draft = ticket.draft
    given = approvals(ticket)
    described = {
        "id": ticket.id,
        "code": short_code(ticket.id),
        "state": ticket.state_at(posting.now).value,
        "rules": [_demand(demand) for demand in draft.requirement.demands[:LINES]],
        "risk": draft.requirement.risk.value,
        "requester": _somebody(draft.requester.identity, draft.requester.name),
        "request": _request(draft.request),
        "payload_digest": draft.fingerprint.payload_digest,
        "justification": one_line(draft.justification, SENTENCE),
        "show": _shown(draft.requirement.show),
        "progress": {"given": given.given, "needed": given.needed},
        "votes": [_vote(vote) for vote in ticket.votes[-LINES:]],
        "ended_by": _ending(ticket.ending),
        "replaced_by": ticket.replaced_by or None,
        "created_at": rfc3339(ticket.created_at),
        "expires_at": rfc3339(ticket.expires_at),
        "approved_at": _moment(ticket.approved_at),
        "window_until": _moment(ticket.window_until),
        "ended_at": _moment(ticket.ended_at),
        "uses_left": ticket.uses_left,
        "links": {"review": ticket_link(public_url, ticket)},
    }
    times = posting.happened_at or posting.now, posting.now
    return _event(posting.type, ticket.id, posting.rev, times, public_url, {"ticket": described})


def review_event(alarm: Alarm, public_url: str) -> dict[str, object]:
    """Return the CloudEvent of a use of break-glass or of its review."""
    review = alarm.review
    draft = review.draft
    terms = draft.break_glass
    described = {
        "id": review.id,
        "code": short_code(review.id),
        "rule": {"rule": terms.rule, "reason": one_line(terms.reason, SENTENCE)},
        "group": one_line(terms.group, NAME),
        "requester": _somebody(draft.requester.identity, draft.requester.name),
        "request": _request(draft.request),
        "payload_digest": draft.payload_digest,
        "justification": one_line(draft.justification, SENTENCE),
        "show": _shown(terms.show),
        "used_at": rfc3339(review.used_at),
        "due_at": rfc3339(review.due_at),
        "done_at": _moment(review.done_at),
        "done_by": _ending(review.done_by),
        "links": {"review": review_link(public_url, review)},
    }
    times = alarm.happened_at or alarm.now, alarm.now
    return _event(alarm.type, review.id, alarm.rev, times, public_url, {"review": described})


def _event(  # noqa: PLR0913, PLR0917 - the parts of one event
    kind: EventType, identifier: str, rev: int, times: tuple[int, int], source: str, data: dict[str, object]
) -> dict[str, object]:
    happened_at, now = times
    told = {"as_of": rfc3339(now), **data}
    return cloud_event(Event(_place(kind, rev), kind, identifier, rev, happened_at, told), source)


def _place(kind: EventType, rev: int) -> str:
    """A revision has at most one event of each type."""
    return f"{rev}-{kind.value.replace('.', '-')}"


def _demand(demand: Demand) -> dict[str, str]:
    return {
        "rule": demand.rule,
        "reason": one_line(demand.reason, SENTENCE),
        "asks_for": one_line(demand_in_words(demand), SENTENCE),
    }


def _request(request: FrozenRequest) -> dict[str, object]:
    return {
        "method": one_line(request.method, NAME),
        "scheme": one_line(request.scheme, NAME),
        "host": one_line(request.host, NAME),
        "path": one_line(request.path, TARGET),
        "query": None if request.query is None else one_line(mask_pairs(request.query), TARGET),
        "body_size": request.body_size,
        "body_checked": request.body_checked,
    }


def _shown(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"title": one_line(title, NAME), "value": one_line(value, SENTENCE)} for title, value in pairs[:LINES]
    ]


def _somebody(identity: Identity, name: str) -> dict[str, str]:
    return {
        "ns": one_line(identity.ns, NAME),
        "id": one_line(identity.id, NAME),
        "name": one_line(name, NAME),
    }


def _vote(vote: Vote) -> dict[str, object]:
    return {
        "choice": vote.choice.value,
        "by": _somebody(vote.identity, vote.name),
        "at": rfc3339(vote.at),
        "comment": one_line(vote.comment, SENTENCE),
    }


def _ending(ending: Ending | None) -> dict[str, object] | None:
    if ending is None:
        return None
    return {"by": _somebody(ending.identity, ending.name), "comment": one_line(ending.comment, SENTENCE)}


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else rfc3339(milliseconds)
