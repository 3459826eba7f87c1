"""RFC 3339 in UTC for everything people and clients read; milliseconds since the epoch everywhere inside."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(milliseconds: int) -> str:
    """Format epoch milliseconds as `2026-01-31T08:15:00Z` (RFC 3339 §5.6, whole seconds, rounded down)."""
    return datetime.fromtimestamp(milliseconds // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_until(milliseconds: int, now_ms: int) -> int:
    """Whole seconds from `now_ms` until `milliseconds`, rounded up, never negative."""
    return max(0, -((now_ms - milliseconds) // 1000))
