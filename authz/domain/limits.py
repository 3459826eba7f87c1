"""The bounds on what a policy may demand, all of them settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequirementLimits:
    """Upper bounds in milliseconds and counts. A demand beyond a bound is an error, never cut down silently."""

    expires_in_ms: int = 7 * 24 * 3_600_000
    valid_for_ms: int = 24 * 3_600_000
    uses: int = 1000
    seats: int = 20
    text: int = 500
    show: int = 10
    bind_headers: int = 32
