"""The HTTP status of a page that says why something was not recorded."""

from __future__ import annotations

from authz.domain.errors import VoteRefused

FORBIDDEN = 403

STATUS = {
    "unknown-ticket": 404,
    "unknown-review": 404,
    "unknown-letter": 404,
    "unknown-person": FORBIDDEN,
    "own-request": FORBIDDEN,
    "not-your-request": FORBIDDEN,
    "not-an-approver": FORBIDDEN,
    "not-permitted": FORBIDDEN,
    "sign-in-too-weak": FORBIDDEN,
    "high-risk-on-page": FORBIDDEN,
    "unlinked-namespace": FORBIDDEN,
    "already-decided": 409,
    "already-voted": 409,
    "already-reviewed": 409,
    "not-voted": 409,
    "not-approved": 409,
    "too-many-withdrawals": 409,
    "votes-enough": 409,
    "withdrawn-since": 409,
    "stale-view": 409,
    "letter-unreadable": 409,
    "comment-too-long": 422,
    "comment-missing": 422,
}


def status_of(refused: VoteRefused) -> int:
    """Return the status; 403 for a code of a later release."""
    return STATUS.get(refused.code, FORBIDDEN)
