"""What holds for the times and clocks of everything that is asked."""

from __future__ import annotations

from typing import Final

CLOCK_TOLERANCE: Final = 5.0
"""Seconds. A Date header counts whole ones; tokens and certificates are judged with about as much leeway."""

SLOW_SHARE: Final = 0.5
"""Of a timeout: an idle answer that takes more leaves little for a busy one."""


def skewed(seconds: float | None) -> bool:
    """Say whether another clock is too far from ours; None for a clock that nobody read."""
    return seconds is not None and abs(seconds) > CLOCK_TOLERANCE


def clock_text(seconds: float) -> str:
    """Return `12.0 s ahead of this machine's`."""
    return f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
