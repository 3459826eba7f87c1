"""The source of all chance: one seed gives the same requests on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# What readers disagree about: no UTF-8, cut UTF-8, a surrogate, NUL and line ends.
BYTES: Sequence[bytes] = (
    *(b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
    *(b"\x00", b"\n", b"\r\n"),
)
TEXTS: Sequence[str] = (
    *("", "a", "\u00e9", "\U0001f600", "a b", "\u2028", "'", '"', "\\", "\x00", "\x7f", "x" * 50),
)


class Chance(random.Random):
    """Random choices among pieces, most of which are alike and a few of which are odd."""

    def happens(self, share: float) -> bool:
        """Say yes in this share of all calls."""
        return self.random() < share

    def text(self, pieces: Sequence[bytes], most: int) -> bytes:
        """Put up to `most` pieces together."""
        return b"".join(self.choices(pieces, k=self.randint(0, most)))

    def mostly(self, usual: T, share: float, odd: Sequence[T]) -> T:
        """Return `usual`, in all but this share of calls."""
        return self.choice(odd) if self.happens(share) else usual

    def one_of(self, makers: Sequence[tuple[float, Callable[[], T]]]) -> T:
        """Call one of the makers, by their weights."""
        return self.choices([make for _, make in makers], [weight for weight, _ in makers])[0]()

    def damaged(self, text: bytes, pieces: Sequence[bytes]) -> bytes:
        """Insert pieces, cut, repeat, or overwrite single bytes, in none to three places."""
        out = bytearray(text)
        for _ in range(self.choice((0, 0, 0, 1, 1, 2, 3))):
            place, way = self.randint(0, len(out)), self.random()
            if way < 0.35:
                out[place:place] = self.choice(pieces)
            elif way < 0.65:
                del out[place : place + self.randint(1, 3)]
            elif way < 0.85:
                out[place : place + 1] = self.randbytes(1)
            else:
                start, end = sorted((place, self.randint(0, len(out))))
                out[place:place] = out[start:end][:40]
        return bytes(out)
