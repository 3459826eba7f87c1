"""Whether what a person is told reads like something that was written for people."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?])\s+")
_SHOUTED = re.compile(r"\b[A-Z]{2,}\b|[a-z][A-Z]{2}|[A-Z]{2}[a-z]")


def is_prose(text: str, *names: str) -> bool:
    """Say whether a text is one or more whole sentences: each begins with a capital or a number and ends in a stop.

    Nothing is in capitals but `names`, which a sentence may begin with, too.
    """
    for name in names:
        text = text.replace(name, "Name")
    if _SHOUTED.search(text) or "  " in text:
        return False
    return all(part[:1].isupper() or part[:1].isdigit() for part in _END.split(text)) and text.endswith(
        (".", "!", "?")
    )
