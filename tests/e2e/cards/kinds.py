"""Every kind of card that we post, made from tickets as real ones are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams.digest_card import digest_card
from authz.adapters.teams.envelope import alarm_envelope, envelope
from authz.adapters.teams_bot.card import CardTerms, listing_card
from authz.adapters.teams_bot.messages import answered_card, outcome_message, ticket_message
from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlass, Review, ReviewDraft
from authz.domain.events import EventType
from authz.domain.fingerprint import ALWAYS_BOUND_HEADERS, Fingerprint
from authz.domain.identity import Identity, Person, Principal
from authz.domain.requirement import Demand, Risk
from authz.domain.ticket import Choice, Ending, FrozenRequest, State, Ticket, TicketDraft
from authz.services.digest import Digest
from authz.services.ports import Alarm, Posting
from tests.support.sample_tickets import (
    CREATED_AT,
    ISSUER,
    REQUEST,
    REQUIREMENT,
    approved,
    ended,
    ticket,
    vote,
)

PUBLIC_URL = "https://holdgate.example"
TERMS = CardTerms(PUBLIC_URL, "72f988bf-0000-4000-8000-000000000001")
NOW = CREATED_AT + 90_000
BODY = json.dumps(
    {
        "service": "orders",
        "version": "1.4.2",
        "environment": "production",
        "replicas": 6,
        "rollout": {"strategy": "canary", "steps": [10, 50, 100], "pauseMinutes": 15},
        "env": {"FEATURE_NEW_CHECKOUT": True, "DB_PASSWORD": "correct horse"},
        "clientToken": "b7a0e6c1",
    }
).encode()
_DEPLOY = replace(
    REQUEST,
    method="POST",
    host="deploy.example",
    path="/v1/deployments",
    query="dryRun=false&api_key=12345",
    headers=(("content-type", b"application/json"), ("x-tenant", b"blue")),
    body_size=len(BODY),
)
_TERMS = replace(
    REQUIREMENT,
    demands=(
        Demand(
            "deploy-production",
            "deploys to production while the shop is open",
            ((Approver(ApproverKind.GROUP, "release", count=2),),),
        ),
    ),
    show=(("Service", "orders"), ("Change", "CHG-4711")),
)


def held(**changes: Any) -> Ticket:  # noqa: ANN401 - any field of the request, the terms or the draft
    """Return a pending deployment, with its request, terms and draft as changed."""
    request, terms = _DEPLOY, _TERMS
    request = replace(request, **{n: changes.pop(n) for n in FrozenRequest.__slots__ if n in changes})
    terms = replace(terms, **{n: changes.pop(n) for n in type(terms).__slots__ if n in changes})
    made = ticket(7, request=request, requirement=terms)
    parts = dict(made.draft.fingerprint.parts)
    names = ALWAYS_BOUND_HEADERS | {"x-tenant"}
    parts |= {f"header:{name}": "0" * 64 for name in names}
    if request.body_checked:
        parts["body"] = "0" * 64
    draft: TicketDraft = replace(made.draft, fingerprint=Fingerprint(parts), **changes)
    return replace(made, draft=draft)


def posted(
    held_ticket: Ticket,
    event: EventType = EventType.TICKET_CREATED,
    **changes: Any,  # noqa: ANN401 - a field of the posting
) -> dict[str, Any]:
    """Return the card that a Workflows webhook gets."""
    body, public_url = changes.pop("body", BODY), changes.pop("public_url", PUBLIC_URL)
    posting = Posting(event, held_ticket, NOW, body, **changes)
    return card_of(envelope(posting, public_url, CardLimits()))


def card_of(message: bytes) -> dict[str, Any]:
    """Return the card of a message."""
    card: dict[str, Any] = json.loads(message)["attachments"][0]["content"]
    return card


def alarmed(*, done: bool) -> dict[str, Any]:
    """Return the card of a use of break-glass."""
    who = Principal(Identity(ISSUER, "bob-1"), "bob")
    terms = BreakGlass(
        "oncall", 3_600_000, "break-glass", "an incident is open", ("default",), (), (("Incident", "INC-7"),)
    )
    draft = ReviewDraft(ticket().id, who, "bob", terms, REQUEST, "d" * 64, justification="The queue is full.")
    by = Ending(Identity(ISSUER, "carol-1"), "carol", "carol", "demo", "It was needed.")
    review = Review(draft, CREATED_AT, CREATED_AT + 3_600_000)
    if done:
        review = replace(review, done_at=NOW, done_by=by)
    kind = EventType.BREAKGLASS_REVIEWED if done else EventType.BREAKGLASS_USED
    return card_of(alarm_envelope(Alarm(kind, review, NOW), PUBLIC_URL, CardLimits()))


def of_bot(held_ticket: Ticket, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a field of the posting
    """Return the card that the Teams bot posts, and changes in place."""
    one = Posting(EventType.TICKET_CREATED, held_ticket, NOW, BODY, **changes)
    message: dict[str, Any] = json.loads(orjson.dumps(ticket_message(one, TERMS)))
    card: dict[str, Any] = message["attachments"][0]["content"]
    return card


def bot_kinds() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the kinds that only the bot posts."""
    new = held(justification="Hotfix for the broken checkout.")
    carol = Identity(TERMS.tenant, "oid-carol")
    named = Person("carol", "carol", frozenset({"release"}), "opa", accounts=(carol,))
    yield "bot-created", of_bot(new, designated=(named,))
    yield "bot-for-information", of_bot(new, copied=True)
    yield "bot-high-risk", of_bot(held(risk=Risk.HIGH))
    by_both = [replace(vote(name=name), groups=("release",)) for name in ("bob", "carol")]
    yield "bot-approved", of_bot(approved(new, *by_both))
    yield "bot-rejected", of_bot(ended(new, State.REJECTED, vote(Choice.REJECT, "carol", "Not now.")))
    voted = replace(new, rev=2, votes=(replace(vote(name="carol"), groups=("release",)),))
    answered = answered_card(
        Posting(EventType.TICKET_CREATED, voted, NOW, BODY), TERMS, "Your approval was recorded."
    )
    yield "bot-answered", json.loads(orjson.dumps(answered))
    refused = ended(new, State.REJECTED, vote(Choice.REJECT, "carol", "Not before the sale ends."))
    outcome = outcome_message(Posting(EventType.TICKET_REJECTED, refused, NOW), TERMS)
    yield "bot-told-requester", card_of(orjson.dumps(outcome))
    list_of = listing_card(
        "These wait for you:",
        [("PEB-GTG", "POST /v1/deployments"), ("ABC-DEF", "DELETE /x")],
        page=f"{PUBLIC_URL}/",
    )
    yield "bot-listing", json.loads(orjson.dumps(list_of))


def kinds() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each kind of card by its name."""
    new = held(justification="Hotfix for the broken checkout, agreed with the shop's team.")
    taken = Ending(Identity(ISSUER, "carol-1"), "carol", "carol", "demo", "The wrong version.")
    one = replace(vote(name="carol", comment="Checked with the team."), groups=("release",))
    two = replace(vote(name="dave"), groups=("release",))
    yield "created", posted(new)
    yield "created-half-approved", posted(replace(new, votes=(one,)))
    yield "created-for-information", posted(new, copied=True)
    yield "created-high-risk-scope", posted(held(risk=Risk.HIGH, scope="orders-hotfix", uses=3))
    yield "created-parts-may-differ", posted(held(body_ignores=("/clientToken", "/rollout/steps")))
    yield "created-body-unchecked", posted(held(body_checked=False, bind_body=False))
    yield "created-without-body", posted(held(method="DELETE", body_size=0, headers=()), body=b"")
    yield "created-unknown-requester", posted(held(requester_person=None))
    yield "created-shared-requester", posted(held(shared=True, requester_person=None))
    yield (
        "created-two-rules",
        posted(
            held(
                demands=(
                    *_TERMS.demands,
                    Demand(
                        "freeze",
                        "the change freeze is on",
                        (
                            (Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1")),),
                            (Approver(ApproverKind.ANY, count=3),),
                        ),
                    ),
                )
            )
        ),
    )
    yield (
        "created-at-its-longest",
        posted(
            held(
                path="/v1/" + "resources/" * 400,
                justification="because " * 200,
                headers=tuple((f"x-header-{n}", b"value " * 60) for n in range(40)),
                body_size=9000,
            ),
            body=b"line of text\n" * 692 + b"rest",
        ),
    )
    yield "withdrawn", posted(new, EventType.VOTE_WITHDRAWN)
    yield "approved", posted(approved(new, one, two), EventType.TICKET_APPROVED)
    yield (
        "rejected",
        posted(
            ended(new, State.REJECTED, vote(Choice.REJECT, "carol", "Not before the sale ends.")),
            EventType.TICKET_REJECTED,
        ),
    )
    yield "expired", posted(ended(new, State.EXPIRED, one), EventType.TICKET_EXPIRED)
    yield "used-up", posted(ended(new, State.USED_UP, one, two), EventType.TICKET_APPROVED)
    yield "lapsed", posted(ended(new, State.LAPSED, one, two), EventType.TICKET_APPROVED)
    yield (
        "cancelled",
        posted(
            replace(
                ended(new, State.CANCELLED),
                ending=replace(taken, name="alice", identity=Identity(ISSUER, "alice-1")),
            ),
            EventType.TICKET_CANCELLED,
        ),
    )
    yield (
        "revoked",
        posted(replace(ended(new, State.REVOKED, one, two), ending=taken), EventType.GRANT_REVOKED),
    )
    yield (
        "superseded",
        posted(replace(ended(new, State.SUPERSEDED), replaced_by=ticket(2).id), EventType.TICKET_SUPERSEDED),
    )
    yield "escalated", posted(new, EventType.TICKET_ESCALATED)
    yield "reminded", posted(new, EventType.TICKET_REMINDED)
    yield "break-glass-used", alarmed(done=False)
    yield "break-glass-reviewed", alarmed(done=True)
    counting = Digest(waiting=37, total=41, since=CREATED_AT, now=NOW)
    yield "storm", json.loads(orjson.dumps(digest_card(counting, PUBLIC_URL)))
    yield from bot_kinds()
