"""The places of those who wait for a vote: so many in all, and so many of them for one requester."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class WaitingPlaces:
    """Counts who waits. Use it from one event loop."""

    def __init__(self, total: int, per_requester: int, told: Callable[[int], None]) -> None:
        """`told` hears how many are taken, at each change."""
        self._total = total
        self._per_requester = per_requester
        self._told = told
        self._of: Counter[str] = Counter()
        self.taken = 0

    @contextmanager
    def take(self, whose: str) -> Iterator[bool]:
        """Take a place until the block ends; False where there is none left, in all or for this requester."""
        if self.taken >= self._total or self._of[whose] >= self._per_requester:
            yield False
            return
        self.taken += 1
        self._of[whose] += 1
        self._told(self.taken)
        try:
            yield True
        finally:
            self.taken -= 1
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]
            self._told(self.taken)
