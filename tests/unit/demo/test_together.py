from __future__ import annotations

import asyncio

import pytest

from authz.entrypoints.demo.together import together


async def test_results_come_in_order() -> None:
    async def later(value: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return value

    assert await together(later(1, 3), later(2, 0)) == [1, 2]


async def test_a_failure_ends_the_others_before_it_is_raised() -> None:
    went_on: list[str] = []

    async def failing() -> None:
        await asyncio.sleep(0)
        raise KeyError("first")

    async def starting_more() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            went_on.append("ended")

    with pytest.raises(KeyError, match="first"):
        await together(failing(), starting_more())
    assert went_on == ["ended"]
