"""The bounds on what a policy may demand, all of them settings."""

from __future__ import annotations

from dataclasses import dataclass

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class RequirementLimits:
    """Upper bounds in milliseconds and counts. A demand beyond a bound is an error, never cut down silently.

    `high_risk` says whether any sign-in is strong enough for `risk: high`; without one such a hold could never end.
    """

    expires_in_ms: int = 7 * _DAY_MS
    valid_for_ms: int = _DAY_MS
    review_within_ms: int = 30 * _DAY_MS
    wait_ms: int = 300_000
    uses: int = 1000
    demands: int = 8
    alternatives: int = 5
    seats: int = 20
    text: int = 500
    show: int = 10
    bind_headers: int = 32
    body_ignores: int = 16
    routes: int = 8
    high_risk: bool = True
