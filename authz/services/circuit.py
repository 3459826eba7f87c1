"""A circuit breaker: a channel that fails again and again is left alone for a while, and then asked with one posting.

It looks at the channel's own failures alone: no answer, or an answer such as 5xx. A channel that names a time to come
back at has made a pause of its own (http_post's Pace), and a posting that was refused says nothing about the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

from authz.domain.errors import HoldgateError
from authz.domain.events import EventType
from authz.services.backoff import full_jitter
from authz.services.ports import Alarm, Channel, ChannelFailed, DeliveryDelayed, Posting


@dataclass(frozen=True, slots=True)
class CircuitSettings:
    """It opens after `failures` in a row, for `base_s` seconds, twice as long each time, at most `max_s`.

    Half of a time is chosen at random, so that several notifiers don't come back together. `probe_s` is when those come
    again that met somebody else's attempt.
    """

    failures: int = 5
    base_s: float = 5.0
    max_s: float = 300.0
    probe_s: float = 2.0
    jitter: Callable[[float], float] = full_jitter

    def open_for_s(self, times: int) -> float:
        """Return how long it is open when it opens for the `times`th time in a row."""
        longest = min(self.max_s, self.base_s * 2.0 ** min(times - 1, 32))
        return longest / 2 + self.jitter(longest / 2)


class CircuitObserver(Protocol):
    """Is told when a channel is left alone, and when it works again. Must not raise."""

    def circuit_opened(self, channel: str, seconds: float, why: str) -> None:
        """For so many seconds nothing is sent."""
        ...

    def circuit_closed(self, channel: str) -> None:
        """Postings go through, as they do at the start."""
        ...


class Circuit:
    """One channel behind a breaker. Use it from one event loop."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        observer: CircuitObserver,
        settings: CircuitSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin closed. `name` is the channel's in the settings; `clock` is in seconds."""
        self._name = name
        self._channel = channel
        self._observer = observer
        self._settings = settings or CircuitSettings()
        self._clock = clock
        self._failures = 0
        self._opened = 0
        self._until = 0.0
        self._probing = False
        observer.circuit_closed(name)

    @property
    def events(self) -> frozenset[EventType]:
        """See Channel."""
        return self._channel.events

    async def send(self, posting: Posting) -> str:
        """See Channel. Raises DeliveryDelayed, of which nothing was tried, while it is open."""
        return await self.through(lambda: self._channel.send(posting))

    async def alarm(self, alarm: Alarm) -> str:
        """See Channel, and `send`."""
        return await self.through(lambda: self._channel.alarm(alarm))

    async def through(self, work: Callable[[], Coroutine[object, object, str]]) -> str:
        """Do something with the channel, if it is to be asked now, and learn from how that ends."""
        probing = self._enter()
        try:
            receipt = await work()
        except ChannelFailed as error:
            self._learn(error)
            raise
        except HoldgateError:
            raise  # of Redis, or of a record: the channel has nothing to do with it
        except (Exception, asyncio.CancelledError) as error:
            # A bug of the channel's, or no end: whoever waited for it gave up.
            self._fail(type(error).__name__)
            raise
        else:
            if receipt:  # else nobody was to be told, and the channel wasn't asked
                self._close()
            return receipt
        finally:
            if probing:
                self._probing = False

    def _enter(self) -> bool:
        """Return whether this is the one that finds out. Raises DeliveryDelayed for those that have to wait."""
        if not self._opened:
            return False
        left_s = self._until - self._clock()
        if left_s <= 0 and not self._probing:
            self._probing = True
            return True
        after_s = left_s if left_s > 0 else self._settings.probe_s
        msg = f"the channel failed {self._settings.failures} times in a row and is left alone: {after_s:.1f} s more"
        raise DeliveryDelayed(msg, after_s, tried=False)

    def _learn(self, error: ChannelFailed) -> None:
        if not isinstance(error, DeliveryDelayed):
            self._close()  # it answered
        elif error.tried and error.after_s <= 0:
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        if self._opened and not self._probing:
            return  # it was under way when the breaker opened
        self._failures += 1
        if not self._opened and self._failures < self._settings.failures:
            return
        self._opened += 1
        seconds = self._settings.open_for_s(self._opened)
        self._until = self._clock() + seconds
        self._observer.circuit_opened(self._name, seconds, why)

    def _close(self) -> None:
        self._failures = 0
        if self._opened:
            self._opened = 0
            self._observer.circuit_closed(self._name)
