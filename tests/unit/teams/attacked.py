"""A ticket and a use of break-glass that carry an attack in every place that somebody else fills.

Rules and scopes are none of these places: a policy that names one by anything but a slug is refused.
Each place has a mark of its own before the attack, so that a test can tell that it is shown, and where.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import quote_plus

from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlass, Review, ReviewDraft
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Demand
from authz.domain.ticket import Choice, Ending, State, Ticket
from tests.support.sample_tickets import CREATED_AT, REQUEST, REQUIREMENT, ticket, vote

BodyKind = Literal["json", "form", "text"]
KINDS: Final[tuple[BodyKind, ...]] = ("json", "form", "text")
_TYPES: Final = {
    "json": b"application/json",
    "form": b"application/x-www-form-urlencoded",
    "text": b"text/plain",
}

OF_REQUEST: Final = (
    *("method", "scheme", "host", "path", "query", "requester-name", "requester-id", "requester-ns"),
)
ON_WHOLE_CARDS: Final = (
    *("header-name", "header-value", "justification", "reason", "group", "user"),
    *("show-title", "show-value", "pointer"),
)
OF_VOTES: Final = ("vote-name", "vote-id", "vote-ns", "vote-comment", "end-name", "end-id", "end-comment")
OF_REVIEWS: Final = ("justification", "reason", "show-title", "show-value")


def mark(field: str) -> str:
    """Return the mark of a field: what stands before the attack there."""
    return f"⟪{field}⟫"


def attacked_body(attack: str, kind: BodyKind) -> bytes:
    """Return a body with the attack in it: a JSON document's name and value, a form's field, or the whole."""
    text = mark("body") + attack
    match kind:
        case "json":
            return json.dumps({text: [text, {"x": text}]}, ensure_ascii=False).encode("utf-8", "replace")
        case "form":
            # A form's bytes as they are: percent signs and plus signs hide nothing that the page would show.
            return f"note={text.replace('&', '%26')}&{quote_plus('a b')}=1".encode("utf-8", "replace")
        case "text":
            return text.encode("utf-8", "replace")


def attacked(attack: str, kind: BodyKind = "json", state: State = State.PENDING) -> Ticket:
    """Return a ticket with an attack wherever there may be one."""
    at = {field: mark(field) + attack for field in (*OF_REQUEST, *ON_WHOLE_CARDS, *OF_VOTES)}
    header = at["header-value"].encode("utf-8", "replace")
    request = replace(
        REQUEST,
        method=at["method"],
        scheme=at["scheme"],
        host=at["host"],
        path=at["path"],
        query=at["query"],
        headers=(("content-type", _TYPES[kind]), (at["header-name"], b"1"), ("x-note", header)),
        body_size=len(attacked_body(attack, kind)),
    )
    group = Approver(ApproverKind.GROUP, at["group"], count=2)
    user = Approver(ApproverKind.USER, user=Identity(at["user"], at["user"]))
    requirement = replace(
        REQUIREMENT,
        demands=(
            Demand("delete-production", at["reason"], ((group,),)),
            Demand("on-sunday", at["reason"], ((user,),)),
        ),
        show=((at["show-title"], at["show-value"]),),
        body_ignores=(at["pointer"],),
    )
    base = ticket(request=request, requirement=requirement)
    requester = Principal(Identity(at["requester-ns"], at["requester-id"]), at["requester-name"])
    who = Identity(at["vote-ns"], at["vote-id"])
    votes = tuple(
        replace(vote(choice, comment=at["vote-comment"]), name=at["vote-name"], person=choice, identity=who)
        for choice in Choice
    )
    ending = Ending(Identity(at["vote-ns"], at["end-id"]), at["end-name"], "", "demo", at["end-comment"])
    draft = replace(base.draft, requester=requester, justification=at["justification"])
    return replace(base, draft=draft, votes=votes, ending=ending, state=state)


def attacked_review(attack: str, *, done: bool) -> Review:
    """Return a use of break-glass with an attack wherever there may be one."""
    held = attacked(attack)
    at = {field: mark(field) + attack for field in OF_REVIEWS}
    show = ((at["show-title"], at["show-value"]),)
    terms = BreakGlass("oncall", 3_600_000, "break-glass", at["reason"], ("default",), (), show)
    request = held.draft.request
    draft = ReviewDraft(
        held.id, held.draft.requester, "alice", terms, request, "d" * 64, justification=at["justification"]
    )
    review = Review(draft, CREATED_AT, CREATED_AT + 3_600_000)
    return replace(review, done_at=CREATED_AT + 1, done_by=held.ending) if done else review
