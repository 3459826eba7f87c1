from __future__ import annotations

import asyncio

import pytest

from authz.adapters.http_post import pace as pace_module
from authz.adapters.http_post.pace import Pace


async def test_a_place_is_free_again_only_a_while_after_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "WINDOW_S", 0.05)
    pace = Pace(2)
    loop = asyncio.get_running_loop()
    order: list[int] = []
    begun: list[float] = []
    answered: list[float] = []

    async def one(number: int) -> None:
        async with pace.turn() as shut_for:
            assert shut_for == 0
            order.append(number)
            begun.append(loop.time())
            await asyncio.sleep(0.01)
            answered.append(loop.time())

    await asyncio.gather(*(one(number) for number in range(6)))
    assert order == list(range(6))
    assert all(later - before >= 0.0499 for before, later in zip(answered, begun[2:], strict=False))


async def test_who_waits_too_long_for_a_place_is_sent_back_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "PATIENCE_S", 0.01)
    pace = Pace(1)
    async with pace.turn() as first, pace.turn() as second:
        assert first == 0
        assert second > 0


async def test_a_pause_reaches_those_who_wait_already_and_a_shorter_one_does_not_end_it() -> None:
    pace = Pace(1)

    async def next_turn() -> float:
        async with pace.turn() as shut_for:
            return shut_for

    async with pace.turn():
        waiting = asyncio.create_task(next_turn())
        await asyncio.sleep(0)
        pace.pause(50)
        pace.pause(1)
    assert 0 < await waiting <= 50
    assert 0 < await next_turn() <= 50


async def test_after_a_pause_one_goes_first_and_the_others_heed_its_answer() -> None:
    pace = Pace(10)
    pace.pause(0.01)
    through: list[int] = []

    async def one(number: int) -> float:
        async with pace.turn() as shut_for:
            if not shut_for:
                through.append(number)
                await asyncio.sleep(0.01)
                pace.pause(50)
            return shut_for

    await asyncio.sleep(0.02)
    results = await asyncio.gather(*(one(number) for number in range(5)))
    assert through == [0]
    assert all(shut_for > 49 for shut_for in results[1:])


async def test_after_a_pause_and_an_acceptance_posts_go_side_by_side_again() -> None:
    pace = Pace(10)
    pace.pause(0.001)
    await asyncio.sleep(0.002)
    async with pace.turn() as shut_for:
        assert shut_for == 0
    async with pace.turn(), pace.turn() as shut_for:
        assert shut_for == 0
