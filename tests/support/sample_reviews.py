"""A use of break-glass like one that the policy lets through, with whatever a test wants different."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from authz.domain.break_glass import BreakGlass, ReviewDraft
from authz.domain.identity import Identity, Principal
from authz.domain.request import CheckId
from authz.domain.token import ticket_id
from tests.support.sample_tickets import ISSUER, REQUEST

GLASS = BreakGlass(
    group="sre",
    review_within_ms=24 * 3_600_000,
    rule="break-glass",
    reason="the database is down",
    notify=("default",),
    cc=(),
    show=(("Incident", "INC-7"),),
)


def review_draft(number: int = 0, **changes: Any) -> ReviewDraft:  # noqa: ANN401 - any field of the draft
    """Return alice's use of break-glass; its id follows from `number`."""
    draft = ReviewDraft(
        id=ticket_id(0, sha256(b"review %d" % number).digest()[:16]),
        requester=Principal(Identity(ISSUER, "alice-1"), "alice"),
        person="alice",
        break_glass=GLASS,
        request=REQUEST,
        payload_digest="d" * 64,
        justification="paged at three, orders are failing",
    )
    return replace(draft, **changes)


def used_at(number: int) -> CheckId:
    """Return the Check of a use."""
    return CheckId(str(number), number)
