from __future__ import annotations

import random
from typing import Final

from holdgate_client.patience import Patience

GAP: Final = 0.25
"""Seconds from one request to the next at least, whatever the gate says."""

_USUAL: Final = 5.0
_LONGEST: Final = 300.0
_BACKOFF: Final = 30.0
_JITTER: Final = 0.2
_chance = random.SystemRandom()


class Pace:
    """When to do what during one wait. Times are seconds of one clock that never steps back."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._ask = patience.ask
        self.deadline = now + patience.total

    def left(self, now: float) -> float:
        """Seconds until the patience is over, 0 after that."""
        return max(0.0, self.deadline - now)

    def pause(self, hint: float | None) -> float:
        """Return how long to pause where the gate named `hint` seconds: never less, and not all clients at once."""
        wanted = _USUAL if hint is None else min(hint, _LONGEST)
        return max(GAP, wanted) * (1 + _chance.uniform(0, _JITTER))

    def after(self, took: float, hint: float | None) -> float:
        """Return how long to pause after a question that took so long, as if it had been answered at once."""
        return max(GAP, self.pause(hint) - took)

    def backoff(self, failures: int, hint: float | None) -> float:
        """Return how long to pause after so many failures in a row, and no less than was named."""
        growing = min(_BACKOFF, 2.0 ** min(failures, 10) / 2)
        return self.pause(max(growing, hint or 0.0))

    def ask(self, now: float) -> int:
        """Seconds that a question is to stay open: what the patience says, and not beyond its end."""
        return min(self._ask, int(self.left(now)))
