"""Which of many tickets somebody may look at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

QUESTIONS_AT_ONCE = 8
"""The operator's rule is asked about each one; a page of them must not be a burst that OPA can't take."""

T = TypeVar("T")


async def only_viewable(may_view: Callable[[T], Awaitable[bool]], found: Sequence[T]) -> list[T]:
    """Return those of `found` that may be seen, in their order, asking about a few at a time.

    The caller bounds how many are found. The first question that fails ends the others and is raised.
    """
    seen: set[int] = set()
    left = iter(enumerate(found))

    async def ask() -> None:
        for at, one in left:
            if await may_view(one):
                seen.add(at)

    asking = [asyncio.ensure_future(ask()) for _ in range(min(QUESTIONS_AT_ONCE, len(found)))]
    try:
        await asyncio.gather(*asking)
    finally:
        for question in asking:
            question.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return [one for at, one in enumerate(found) if at in seen]
