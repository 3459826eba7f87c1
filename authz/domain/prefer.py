"""What a client prefers, as the header Prefer says (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PREFER: Final = "prefer"
PREFERENCE_APPLIED: Final = "preference-applied"

_LENGTH_MAX: Final = 1024
"""Characters of the header that are looked at: longer ones are passed on as they came, and nothing in them is done."""

# Section 2: a name, perhaps with a word that is a token or a quoted string; parameters follow after `;`.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PREFERENCE = re.compile(rf'({_NAME})[ \t]*(?:=[ \t]*(?:({_NAME})|"([^"]*)"))?[ \t]*(?:;.*)?', re.DOTALL)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences that concern a hold, and what is left of the header for the upstream.

    `wait` is in seconds (section 4.3), None where it isn't asked for or can't be read: whoever can't understand a
    preference ignores it (section 2). `others` are the preferences that aren't ours, as they came.
    """

    wait: int | None = None
    respond_async: bool = False
    others: tuple[str, ...] = ()


def preferences(values: Sequence[bytes]) -> Preferences:
    """Read the values of the header; of a preference that is said twice the first counts (section 2)."""
    text = ", ".join(value.decode("latin-1") for value in values)
    if len(text) > _LENGTH_MAX:
        return Preferences(others=(text,))
    wait: int | None = None
    seen: set[str] = set()
    others = []
    for part in _members(text):
        match = _PREFERENCE.fullmatch(part)
        name = match[1].lower() if match else ""
        if match is None or name not in {"wait", "respond-async"}:
            others.append(part)
            continue
        if name == "wait" and name not in seen:
            word = match[2] or match[3] or ""
            wait = int(word) if _SECONDS.fullmatch(word) else None
        seen.add(name)
    return Preferences(wait, "respond-async" in seen, tuple(others))


def _members(text: str) -> Iterator[str]:
    """Split at commas that are in no quoted string; empty members are no members (RFC 9110 section 5.6.1)."""
    start, quoted, escaped = 0, False, False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            if member := text[start:place].strip(" \t"):
                yield member
            start = place + 1
    if member := text[start:].strip(" \t"):
        yield member
