"""The same question to every partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Answer = TypeVar("Answer")


async def all_of(calls: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """Run the calls at once and return their answers in order; there are at most as many as partitions.

    What one of them raises is raised when all have ended, so that none goes on unseen.
    """
    answers = await asyncio.gather(*calls, return_exceptions=True)
    found: list[Answer] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer)
    return found
