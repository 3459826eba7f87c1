from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an approval, and how.

    `total` is the longest wait in seconds, from the first hold; it bounds the waiting and not the request, which
    keeps its own timeouts. 0 doesn't wait: the hold is a WaitTimeout at once. There is no waiting without an end:
    a ticket has one as well, so name a number that is larger than its `expires_in`.

    `ask` is how many seconds the gate is asked to keep one question after the ticket open (`Prefer: wait`), so that
    its answer comes with the last vote; less than what proxies on the way allow a silent connection. 0 doesn't ask
    for that, and looks at the ticket as often as the gate says. A gate that keeps nothing open makes no difference.
    """

    total: float = 3600.0
    ask: int = 25

    def __post_init__(self) -> None:
        """Refuse what would wait forever."""
        if not (math.isfinite(self.total) and self.total >= 0):
            raise ValueError(f"Patience(total={self.total}): has to be a number of seconds, 0 or more")
        if not 0 <= self.ask <= _LONGEST_ASK:
            raise ValueError(f"Patience(ask={self.ask}): has to be from 0 to {_LONGEST_ASK} seconds")


_LONGEST_ASK = 240
