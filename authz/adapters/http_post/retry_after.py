"""The Retry-After header (RFC 9110 §10.2.3): seconds, or a date."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DIGITS_MAX = 12  # thirty thousand years


def retry_after_s(value: str | None, now: datetime) -> float:
    """Return the seconds to wait, 0 for none or nonsense. `now` is the answer's Date, where it has one."""
    if value is None:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS_MAX])
    date = http_date(text)
    return max(0.0, (date - now).total_seconds()) if date else 0.0


def http_date(text: str | None) -> datetime | None:
    """Return an HTTP date in UTC, None when it isn't one."""
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
