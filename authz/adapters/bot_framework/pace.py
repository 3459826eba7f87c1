"""How fast one conversation is written to, and all of them together.

The vendor publishes for sending, per bot and conversation: 7 in 1 s, 8 in 2 s, 60 in 30 s, 1,800 in 3,600 s; and per
bot and tenant 50 in 1 s, once 30 (https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

CONVERSATIONS_MAX: Final = 2_000
"""How many conversations are remembered; the one longest not written to goes first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst + seconds * per_second` in any time of that many seconds."""

    burst: int
    per_second: float


# Together they stay below each of the vendor's figures, for any window: 6 in 1 s, 8 in 2 s, 50 in 30 s, 1,788 in 1 h.
PER_CONVERSATION: Final = (Rate(5, 1.5), Rate(60, 0.48))
OF_ALL: Final = (Rate(10, 18.0),)


@dataclass(slots=True)
class _Places:
    """When each rate would next be even (the generic cell rate algorithm), and until when nothing may be sent."""

    rates: tuple[Rate, ...]
    even_at: list[float] = field(default_factory=list)
    shut_until: float = float("-inf")

    def __post_init__(self) -> None:
        self.even_at = [float("-inf")] * len(self.rates)

    def earliest(self) -> float:
        free = [
            at - (rate.burst - 1) / rate.per_second for rate, at in zip(self.rates, self.even_at, strict=True)
        ]
        return max(*free, self.shut_until)

    def take(self, at: float) -> None:
        pairs = zip(self.rates, self.even_at, strict=True)
        self.even_at = [max(even, at) + 1 / rate.per_second for rate, even in pairs]


class Pace:
    """Gives turns out. What waits has its turn already, so nobody overtakes. Use it from one event loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """`monotonic` gives seconds that never go back."""
        self._monotonic = monotonic
        self._all = _Places(OF_ALL)
        self._each: OrderedDict[str, _Places] = OrderedDict()

    def turn(self, conversation: str, patience_s: float) -> tuple[bool, float]:
        """Take a turn: whether there is one within `patience_s`, and in how many seconds it is, or would have been."""
        now = self._monotonic()
        places = self._places(conversation)
        at = max(now, places.earliest(), self._all.earliest())
        if at - now > patience_s:
            return False, at - now
        places.take(at)
        self._all.take(at)
        return True, at - now

    def pause(self, conversation: str, seconds: float) -> None:
        """Give no turns in a conversation for so many seconds from now; a longer pause that runs already stays."""
        places = self._places(conversation)
        places.shut_until = max(places.shut_until, self._monotonic() + seconds)

    def _places(self, conversation: str) -> _Places:
        places = self._each.setdefault(conversation, _Places(PER_CONVERSATION))
        self._each.move_to_end(conversation)
        if len(self._each) > CONVERSATIONS_MAX:
            self._each.popitem(last=False)
        return places
