"""Sessions of one process, for as long as it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authz.services.sessions import Session, SessionLimits

COUNT_MAX = 1000


@dataclass(slots=True)
class _Times:
    """When a session began and was last used (seconds of the store's clock)."""

    started: float
    used: float


class MemorySessions:
    """A SessionStore for a demo: bounded, and gone with the process."""

    def __init__(
        self, limits: SessionLimits, clock: Callable[[], float], *, count_max: int = COUNT_MAX
    ) -> None:
        """`clock` gives seconds that never go back. Beyond `count_max` the least recently used one ends."""
        self._limits = limits
        self._clock = clock
        self._count_max = count_max
        self.open: dict[bytes, Session] = {}
        self._times: dict[bytes, _Times] = {}  # insertion order = least recently used first

    async def start(self, name: bytes, session: Session) -> None:
        """See SessionStore."""
        now = self._clock()
        for other in [other for other in self.open if self._over(other, now)]:
            self._forget(other)
        while len(self.open) >= self._count_max:
            self._forget(next(iter(self._times)))
        self.open[name] = session
        self._times[name] = _Times(now, now)

    async def find(self, name: bytes) -> Session | None:
        """See SessionStore."""
        session = self.open.get(name)
        if session is None:
            return None
        now = self._clock()
        if self._over(name, now):
            self._forget(name)
            return None
        times = self._times.pop(name)
        self._times[name] = _Times(times.started, now)
        return session

    async def end(self, name: bytes) -> None:
        """See SessionStore."""
        self._forget(name)

    def _over(self, name: bytes, now: float) -> bool:
        times = self._times[name]
        return now - times.started >= self._limits.absolute or now - times.used >= self._limits.idle

    def _forget(self, name: bytes) -> None:
        self.open.pop(name, None)
        self._times.pop(name, None)
