"""Tickets of a usual size for measuring the store: a DELETE with a few bound headers, one approval by sre."""

from __future__ import annotations

from hashlib import sha256

from authz.domain.approver import Approver, ApproverKind
from authz.domain.fingerprint import ALWAYS_BOUND_HEADERS, Fingerprint
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Demand, Requirement
from authz.domain.ticket import Choice, FrozenRequest, TicketDraft, Vote
from authz.domain.token import ticket_id

_FIXED = (
    "principal",
    "decision_path",
    "context_extensions",
    "method",
    "scheme",
    "host",
    "path",
    "query",
    "body",
)
_ISSUER = "https://issuer.example"
_SRE = Approver(ApproverKind.GROUP, "sre")


def draft(number: int) -> TicketDraft:
    """Return a draft whose id, requester and request follow from `number`."""
    entropy = sha256(b"%d" % number).digest()
    names = (*_FIXED, *(f"header:{name}" for name in ALWAYS_BOUND_HEADERS))
    parts = {name: sha256(b"%s %d" % (name.encode(), number)).hexdigest() for name in names}
    request = FrozenRequest(
        method="DELETE",
        scheme="https",
        host="api.example",
        path=f"/v1/projects/{number}/databases/orders",
        query="force=true",
        headers=(("content-type", b"application/json"),),
        body_size=0,
        body_checked=True,
        source_address="192.0.2.1",
    )
    requirement = Requirement(
        demands=(Demand("delete-production", "deletes a production resource", ((_SRE,),)),),
        expires_in_ms=24 * 3_600_000,
        uses=1,
        valid_for_ms=900_000,
        show=(("Cluster", "prod-eu"),),
    )
    return TicketDraft(
        id=ticket_id(0, entropy[:16]),
        requester=Principal(Identity(_ISSUER, f"alice-{number}"), "alice"),
        requester_person="alice",
        requirement=requirement,
        fingerprint=Fingerprint(parts),
        request=request,
        held_status=202,
    )


def vote(held: TicketDraft) -> Vote:
    """Return bob's approval."""
    return Vote(
        choice=Choice.APPROVE,
        person="bob",
        identity=Identity(_ISSUER, "bob"),
        name="bob",
        groups=("sre",),
        groups_source="opa",
        method="oidc",
        signed_in_at=0,
        at=0,
        comment="",
        shown_digest=held.fingerprint.payload_digest,
    )
