"""Waiting for a condition, with a bound and a sentence for when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.02


def until(what: str, condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Poll until a condition holds. Raises AssertionError naming `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_POLL_SECONDS)


async def until_true(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll until a condition holds; the caller bounds it."""
    while not await condition():  # noqa: ASYNC110 - it is another process that makes it true
        await asyncio.sleep(_POLL_SECONDS)
