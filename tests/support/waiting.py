"""Waiting for a condition, with a bound and a sentence for when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


def until(what: str, condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Poll until a condition holds. Raises AssertionError naming `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_POLL_SECONDS)
