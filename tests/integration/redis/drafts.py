"""Sample tickets and votes."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256

from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlass, ReviewDraft
from authz.domain.fingerprint import Fingerprint
from authz.domain.identity import Identity, Principal
from authz.domain.request import CheckId
from authz.domain.ticket import Choice, Ending, FrozenRequest, TicketDraft, Vote
from authz.domain.token import ticket_id
from tests.support.requirements import requirement

MINUTE = 60_000
NEVER = 10 * 365 * 24 * 60 * MINUTE

BODY = b"\x00\xff"
REQUIREMENT = requirement(
    Approver(ApproverKind.GROUP, group="sre"),
    Approver(ApproverKind.USER, user=Identity("idp", "dave")),
    reason="deletes a production resource",
    bind_headers=("x-tenant",),
    show=(("Cluster", "prod-eu"),),
)


def draft(path: str = "/a", who: str = "alice", partition: int = 0, **demand: object) -> TicketDraft:
    """A draft; two of the same path and requester are equal requests. `demand` overrides the requirement."""
    parts = {"path": sha256(path.encode()).hexdigest(), "principal": sha256(who.encode()).hexdigest()}
    return TicketDraft(
        id=ticket_id(partition, os.urandom(16)),
        requester=Principal(Identity("idp", who), who),
        requester_person=who,
        requirement=replace(REQUIREMENT, **demand),  # type: ignore[arg-type]
        fingerprint=Fingerprint(parts),
        request=FrozenRequest(
            method="DELETE",
            scheme="https",
            host="api.example",
            path=path,
            query=None,
            headers=(("x-tenant", b"\xff\xfe\x00"),),
            body_size=len(BODY),
            body_checked=True,
            source_address="192.0.2.1",
        ),
        held_status=202,
    )


def under_rule(wanted: TicketDraft, rule: str) -> TicketDraft:
    """The same draft, held by another rule."""
    (demand,) = wanted.requirement.demands
    demanded = replace(wanted.requirement, demands=(replace(demand, rule=rule),))
    return replace(wanted, requirement=demanded)


def vote(choice: Choice = Choice.APPROVE, who: str = "bob") -> Vote:
    """A vote whose time nobody believes."""
    return Vote(
        choice=choice,
        person=who,
        identity=Identity("idp", who),
        name=who,
        groups=("sre",),
        groups_source="directory",
        method="demo",
        signed_in_at=5,
        at=1,
        comment="fine: „ja“",
        shown_digest="d",
    )


def review(path: str = "/a", who: str = "alice") -> ReviewDraft:
    """What a use of break-glass leaves behind, to be reviewed within an hour."""
    held = draft(path, who)
    terms = BreakGlass("oncall", 60 * MINUTE, "break-glass", "nobody awake", ("default",), (), ())
    return ReviewDraft(held.id, held.requester, who, terms, held.request, "d" * 64, "the site is down")


def ending(who: str = "alice", comment: str = "not needed any more") -> Ending:
    """How somebody ends a ticket."""
    return Ending(Identity("idp", who), who, who, "demo", comment)


def check(number: int) -> CheckId:
    """The identity of one Check."""
    return CheckId(str(number), 1_700_000_000_000_000_000 + number)
