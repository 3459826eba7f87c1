"""Who may look at which of many tickets is a bounded number of questions at once."""

from __future__ import annotations

import asyncio

import pytest

from authz.domain.errors import PolicyMalformed
from authz.services import viewing
from authz.services.viewing import QUESTIONS_AT_ONCE, only_viewable


async def test_of_none_none_may_be_seen() -> None:
    async def may_view(_number: int) -> bool:
        return True

    assert await only_viewable(may_view, []) == []


async def test_questions_are_asked_a_few_at_a_time_and_the_order_stays() -> None:
    open_now = most = 0

    async def may_view(number: int) -> bool:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return number % 3 > 0

    found = await only_viewable(may_view, range(50))
    assert found == [number for number in range(50) if number % 3]
    assert most == QUESTIONS_AT_ONCE


async def test_without_the_bound_all_would_be_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of the test above."""
    monkeypatch.setattr(viewing, "QUESTIONS_AT_ONCE", 1000)
    asked = 0
    all_asked = asyncio.Event()

    async def may_view(_number: int) -> bool:
        nonlocal asked
        asked += 1
        if asked == 50:
            all_asked.set()
        await all_asked.wait()
        return True

    async with asyncio.timeout(5):
        assert len(await only_viewable(may_view, range(50))) == 50


async def test_the_first_failure_ends_the_questions() -> None:
    asked: list[int] = []

    async def may_view(number: int) -> bool:
        asked.append(number)
        await asyncio.sleep(0)
        raise PolicyMalformed("no answer")

    with pytest.raises(PolicyMalformed):
        await only_viewable(may_view, range(50))
    assert len(asked) <= QUESTIONS_AT_ONCE


async def test_a_failure_leaves_no_question_behind() -> None:
    """The others are cancelled, and are over when the failure is told."""
    open_now = 0
    all_asked = asyncio.Event()

    async def may_view(number: int) -> bool:
        nonlocal open_now
        open_now += 1
        try:
            if open_now == QUESTIONS_AT_ONCE:
                all_asked.set()
            if number == 0:
                await all_asked.wait()
                raise PolicyMalformed("no answer")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as who has something to put away
            await asyncio.sleep(0)
            open_now -= 1
        return True

    async with asyncio.timeout(5):
        with pytest.raises(PolicyMalformed, match="no answer"):
            await only_viewable(may_view, range(50))
    assert open_now == 0
