"""A ticket like one that the policy asks for, with whatever a test wants different."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from authz.domain.fingerprint import Fingerprint
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Requirement
from authz.domain.ticket import Choice, FrozenRequest, State, Ticket, TicketDraft, Vote
from authz.domain.token import ticket_id
from tests.support.requirements import requirement as requirement_of

ISSUER = "https://idp.example"
CREATED_AT = 1_700_000_000_000
REQUIREMENT = requirement_of(reason="deletes a production resource", show=(("Cluster", "prod-eu"),))
BODY = b'{"why": "cleanup"}'
REQUEST = FrozenRequest(
    method="DELETE",
    scheme="https",
    host="api.example",
    path="/resources/db-orders",
    query="force=true",
    headers=(("content-type", b"application/json"),),
    body_size=18,
    body_checked=True,
    source_address="192.0.2.1",
)


def draft(
    number: int = 0, *, request: FrozenRequest = REQUEST, requirement: Requirement = REQUIREMENT
) -> TicketDraft:
    """Return a draft whose id and fingerprint follow from `number`."""
    entropy = sha256(b"%d" % number).digest()
    parts = {"principal": sha256(b"alice").hexdigest(), "path": entropy.hex()}
    return TicketDraft(
        id=ticket_id(0, entropy[:16]),
        requester=Principal(Identity(ISSUER, "alice-1"), "alice"),
        requester_person="alice",
        requirement=requirement,
        fingerprint=Fingerprint(parts),
        request=request,
        held_status=202,
    )


def ticket(
    number: int = 0, *, request: FrozenRequest = REQUEST, requirement: Requirement = REQUIREMENT
) -> Ticket:
    """Return a pending ticket that was created at CREATED_AT."""
    held = draft(number, request=request, requirement=requirement)
    return Ticket(held, 1, State.PENDING, CREATED_AT, CREATED_AT + requirement.expires_in_ms)


def vote(choice: Choice = Choice.APPROVE, name: str = "bob", comment: str = "") -> Vote:
    """Return a vote of somebody from sre."""
    return Vote(
        choice=choice,
        person=name,
        identity=Identity(ISSUER, f"{name}-1"),
        name=name,
        groups=("sre",),
        groups_source="opa",
        method="demo",
        signed_in_at=CREATED_AT,
        at=CREATED_AT + 60_000,
        comment=comment,
        shown_digest="",
    )


def approved(pending: Ticket, *votes: Vote) -> Ticket:
    """Return the ticket approved a minute later."""
    at = CREATED_AT + 60_000
    window = at + pending.draft.requirement.valid_for_ms
    return replace(
        pending,
        rev=2,
        state=State.APPROVED,
        approved_at=at,
        window_until=window,
        uses_left=1,
        votes=votes or (vote(),),
    )


def ended(pending: Ticket, state: State, *votes: Vote) -> Ticket:
    """Return the ticket in a terminal state, a minute later."""
    return replace(pending, rev=2, state=state, ended_at=CREATED_AT + 60_000, votes=votes)
