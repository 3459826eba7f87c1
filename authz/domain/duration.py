"""Durations as Go writes them (`1h30m`, `150ms`, `0s`), as whole milliseconds.

The grammar is that of Go's `time.ParseDuration`, without a sign: policies and Envoy's users write these
everywhere. What isn't whole milliseconds is refused rather than rounded.
"""

from __future__ import annotations

import re
from decimal import Decimal

_UNIT_MS = {
    "ns": Decimal("0.000001"),
    "us": Decimal("0.001"),
    "\u00b5s": Decimal("0.001"),  # Go takes both letters that look like a micro sign
    "\u03bcs": Decimal("0.001"),
    "ms": Decimal(1),
    "s": Decimal(1000),
    "m": Decimal(60_000),
    "h": Decimal(3_600_000),
}
# Digits are bounded so that a Decimal holds every sum exactly.
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{0,9})?|\.\d{1,9})(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
# Longer than any duration that somebody means, and what an error repeats of one.
_LENGTH_MAX = 64
# As far as Go's int64 of nanoseconds reaches.
_MS_MAX = (2**63 - 1) // 1_000_000


def parse_duration(text: str, shown: str = "") -> int:
    """Return the milliseconds of a Go duration; `shown` is what an error calls it instead of repeating the text.

    Raises ValueError when it isn't one, is negative, isn't whole milliseconds, or is longer
    than the 292 years that Go can hold.
    """
    if text == "0":
        return 0
    position = 0
    total = Decimal(0)
    while len(text) <= _LENGTH_MAX and (piece := _PIECE.match(text, position)):
        total += Decimal(piece.group(1)) * _UNIT_MS[piece.group(2)]
        position = piece.end()
    if not text or position != len(text) or total > _MS_MAX:
        named = shown or f"{text!r:.80}"
        msg = f"{named} is not a duration; write it as Go does, for example 90s, 30m or 1h30m"
        raise ValueError(msg)
    if total != total.to_integral_value():
        msg = f"{shown or repr(text)} is finer than a millisecond"
        raise ValueError(msg)
    return int(total)


def format_duration(milliseconds: int) -> str:
    """Return the shortest Go spelling: `1h30m`, `45s`, `1.5s` becomes `1s500ms`."""
    if milliseconds == 0:
        return "0s"
    rest = milliseconds
    pieces = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            pieces.append(f"{count}{unit}")
    return "".join(pieces)
