"""Text as OPA's own plugin, which is written in Go, shows it to policies."""

from __future__ import annotations

import re

# What "surrogateescape" makes of a byte outside UTF-8.
_LONE_BYTE = re.compile("[\udc80-\udcff]")
_REPLACEMENT = "\ufffd"


def go_text(data: bytes) -> str:
    """Decode UTF-8, with one U+FFFD for each byte outside it (Python's own "replace" takes several bytes for one).

    Go keeps such bytes in its strings; a JSON document can't.
    """
    return shown(data, _REPLACEMENT)


def shown(data: bytes, instead: str) -> str:
    """Decode UTF-8 with `instead` in the place of each byte outside it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _LONE_BYTE.sub(instead, data.decode("utf-8", "surrogateescape"))
