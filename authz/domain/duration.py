"""Durations as Go writes them (`1h30m`, `150ms`, `0s`), as whole milliseconds.

The grammar is that of Go's `time.ParseDuration`, without a sign: policies and Envoy's users write these
everywhere. Anything finer than a millisecond is refused rather than rounded.
"""

from __future__ import annotations

import re
from decimal import Decimal

_UNIT_MS = {"ms": Decimal(1), "s": Decimal(1000), "m": Decimal(60_000), "h": Decimal(3_600_000)}
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)", re.ASCII)


def parse_duration(text: str) -> int:
    """Return the milliseconds of a Go duration.

    Raises ValueError with the offending text when it isn't one, is negative, or isn't whole milliseconds.
    """
    if text == "0":
        return 0
    position = 0
    total = Decimal(0)
    for piece in _PIECE.finditer(text):
        if piece.start() != position:
            break
        total += Decimal(piece.group(1)) * _UNIT_MS[piece.group(2)]
        position = piece.end()
    if not text or position != len(text):
        msg = f"{text!r} is not a duration; write it as Go does, for example 90s, 30m or 1h30m"
        raise ValueError(msg)
    if total != total.to_integral_value():
        msg = f"{text!r} is finer than a millisecond"
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
