"""Who waits is woken by news: nobody looks at Redis from time to time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from authz.services.check.waiting import Waiting
from tests.unit.check.test_waiting import Hall
from tests.unit.check.world import World

AGAIN_S = 0.5


async def looks_again(*_: object) -> None:
    await asyncio.sleep(AGAIN_S)


@pytest.mark.parametrize("polling", [False, True], ids=["as it is", "control: one that polls"])
async def test_the_only_timer_of_a_wait_is_its_end(
    polling: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if polling:
        monkeypatch.setattr(Waiting, "_news", looks_again)
    hall, loop, timers = Hall(world), asyncio.get_running_loop(), []
    call_at = loop.call_at

    def noted(when: float, *what: object, **more: object) -> asyncio.TimerHandle:
        timers.append(when - loop.time())
        return call_at(when, *what, **more)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(loop, "call_at", noted)
    waiting = asyncio.create_task(hall.check("wait=30"))
    while not hall.waiting.waiters:  # noqa: ASYNC110 - nobody but the product could set an event
        await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert [seconds > 2 * AGAIN_S for seconds in timers] == [not polling]
