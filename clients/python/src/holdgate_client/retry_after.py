from __future__ import annotations

import math
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx


def retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that Retry-After names (RFC 9110 section 10.2.3), None where it doesn't name any.

    A date counts from the answer's own Date, so that a clock that is wrong here or there makes no difference. A date
    without a Date beside it isn't taken for anything.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return _finite(float(value))
    until, since = _date(value), _date(headers.get("date", ""))
    if until is None or since is None:
        return None
    return max(0.0, (until - since).total_seconds())


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
