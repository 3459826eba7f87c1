"""Times for people: how long ago, or in how long."""

from __future__ import annotations

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def relative(milliseconds: int, now_ms: int) -> str:
    """Return `in 12 minutes`, `3 hours ago` or `now`: the largest unit, rounded down."""
    seconds = abs(milliseconds - now_ms) // 1000
    for name, size in _UNITS:
        count = seconds // size
        if count:
            words = f"{count} {name}" if count == 1 else f"{count} {name}s"
            return f"in {words}" if milliseconds > now_ms else f"{words} ago"
    return "now"
