"""Cancelling a coroutine at a chosen one of its awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class CancelledAt(Generic[Value]):
    """Awaits `work`, and cancels the running task the `number`th time (from 0) that it would wait."""

    def __init__(self, work: Coroutine[Any, Any, Value], number: int) -> None:
        self._work = work
        self._number = number

    def __await__(self) -> Generator[Any, Any, Value]:
        step, waits = self._work.__await__(), 0
        send: Any = None
        error: BaseException | None = None
        while True:
            try:
                future = step.throw(error) if error is not None else step.send(send)
            except StopIteration as done:
                value: Value = done.value
                return value
            if waits == self._number:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            waits += 1
            error = None
            try:
                send = yield future
            except BaseException as raised:  # noqa: BLE001 - passed on to where it belongs
                error = raised


async def cancelled_at(work: Coroutine[Any, Any, Value], number: int) -> bool:
    """Say whether the work was cancelled; False when it finished before its `number`th wait."""

    async def run() -> Value:
        return await CancelledAt(work, number)

    try:
        await asyncio.create_task(run())
    except asyncio.CancelledError:
        return True
    return False
