"""What Redis tells of tickets as it happens (PUBLISH in the prelude of the scripts), brought to those who wait.

Publishing promises nothing: what is told while nobody is subscribed is gone. So whoever waits looks again at the end
of the wait, and everybody looks again after a subscription was interrupted.
"""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn, Protocol

from redis.exceptions import RedisError

from authz.adapters.redis.link import Link
from authz.domain.errors import StoreUnavailable
from authz.services.backoff import Backoff
from authz.services.changes import Changes

CHANNEL: Final = "holdgate:changed"
"""One for all partitions, as the prelude has it: a cluster brings what is published anywhere to every node."""

_PING_S: Final = 5.0
"""A peer that vanished without a word is noticed after one to two of these."""
_BACKOFF: Final = Backoff(base_s=0.1, max_s=2.0)


class FeedObserver(Protocol):
    """Is told how the subscription fares, for metrics and logs. Must not raise."""

    def subscribed(self) -> None:
        """News arrive from now on."""
        ...

    def interrupted(self, error: Exception) -> None:
        """No news until the next `subscribed`."""
        ...


class ChangeFeed:
    """Subscribes, and stays subscribed. It takes one connection of `link`."""

    def __init__(
        self, link: Link, changes: Changes, observer: FeedObserver, *, ping_s: float = _PING_S
    ) -> None:
        """`changes` is told; `ping_s` is how long the subscription may be silent before Redis is asked for a sign."""
        self._link = link
        self._changes = changes
        self._observer = observer
        self._ping_s = ping_s

    async def run(self) -> NoReturn:
        """Bring news until cancelled; an outage of Redis only interrupts that."""
        failures = 0
        while True:
            try:
                async with self._link.subscribed(CHANNEL, self._ping_s) as news:
                    failures = 0
                    self._observer.subscribed()
                    # Also those who came while nothing was heard.
                    self._changes.tell_all()
                    async for ticket_id in news:
                        self._changes.tell(ticket_id.decode("ascii", "replace"))
            except (StoreUnavailable, RedisError, OSError) as error:
                failures += 1
                self._observer.interrupted(error)
                await asyncio.sleep(_BACKOFF.delay(failures))
