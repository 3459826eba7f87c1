"""Lays JSON out over lines without touching one token.

Parsing and printing again would lie: of two members with one name it keeps the last, and numbers lose digits,
while the upstream may read them otherwise. So only white space between tokens is changed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

DEPTH_MAX = 64
_INDENT_MAX = 16

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.ASCII)
_OPENING = frozenset("[{")
_CLOSING = frozenset("]}")


@dataclass(frozen=True, slots=True)
class JsonLayout:
    """The laid-out text, and the member names that one object holds twice, where readers may differ."""

    text: str
    repeated: tuple[str, ...]


def lay_out(text: str) -> JsonLayout | None:
    """Return the layout of an array or object, None for anything else and for one nested beyond DEPTH_MAX."""
    repeated: set[str] = set()

    def note(pairs: list[tuple[str, object]]) -> None:
        repeated.update(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)

    try:
        # Numbers stay text: their value isn't needed, and converting long ones is slow or refused.
        json.loads(text, object_pairs_hook=note, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    tokens = _TOKEN.findall(text)  # only now: on text that isn't JSON this could take quadratic time
    if tokens[0] not in _OPENING or _depth(tokens) > DEPTH_MAX:
        return None
    return JsonLayout(_on_lines(tokens), tuple(sorted(repeated)))


def _refuse(constant: str) -> None:
    msg = f"{constant} is not JSON (RFC 8259 §6)"
    raise ValueError(msg)


def _depth(tokens: list[str]) -> int:
    depth = deepest = 0
    for token in tokens:
        depth += (token in _OPENING) - (token in _CLOSING)
        deepest = max(deepest, depth)
    return deepest


def _on_lines(tokens: list[str]) -> str:
    pieces: list[str] = []
    depth = 0
    before = ""
    for token in tokens:
        if token in _CLOSING:
            depth -= 1
            if before not in _OPENING:
                pieces.append(_new_line(depth))
        elif before in _OPENING or before == ",":
            pieces.append(_new_line(depth))
        elif before == ":":
            pieces.append(" ")
        pieces.append(token)
        depth += token in _OPENING
        before = token
    return "".join(pieces)


def _new_line(depth: int) -> str:
    return "\n" + "  " * min(depth, _INDENT_MAX)
