from __future__ import annotations

from collections.abc import Coroutine
from typing import Protocol, TypeVar

import httpx

from holdgate_client.answer import Answer
from holdgate_client.hold import Hold

Result = TypeVar("Result")


class Clock(Protocol):
    """What waiting needs of the world. Each may raise what ends the wait, as cancellation does."""

    def now(self) -> float:
        """Return the seconds of a clock that never steps back."""
        ...

    async def pause(self, seconds: float) -> bool:
        """Pause; return whether the caller wants to stop."""
        ...

    async def tell(self, hold: Hold) -> None:
        """Tell the caller what is waited for."""
        ...


class Wire(Clock, Protocol):
    """What a conversation with a gate needs beside that."""

    async def send(self, request: httpx.Request) -> Answer:
        """Send a request. Raises httpx.TransportError."""
        ...

    async def ask(self, request: httpx.Request, seconds: float) -> Answer:
        """Send a request of which nothing but a short answer is wanted, within so many seconds; as `send`."""
        ...


def at_once(steps: Coroutine[object, object, Result]) -> Result:
    """Run a coroutine whose every await returns at once, because what it awaits blocks: no event loop is needed.

    So one conversation serves both kinds of transports.
    """
    try:
        steps.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
    raise RuntimeError("a wire that blocks has waited for an event loop")
