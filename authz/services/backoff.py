"""How long to wait before trying again: exponential, with full jitter, never less than what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom

_random = SystemRandom()


def full_jitter(most: float) -> float:
    """Return a random number from 0 to `most`, so that those who failed together don't come back together."""
    return _random.uniform(0.0, most)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of up to `base_s` * 2^(attempt-1) seconds, at most `max_s`."""

    base_s: float
    max_s: float
    jitter: Callable[[float], float] = full_jitter

    def delay(self, attempt: int, at_least_s: float = 0.0) -> float:
        """Return the seconds to wait after the attempt of this number (1 is the first).

        The jitter comes on top of `at_least_s`: whoever asked for a pause gets it whole.
        """
        doublings = min(max(0, attempt - 1), 32)
        return at_least_s + self.jitter(min(self.max_s, self.base_s * 2.0**doublings))
