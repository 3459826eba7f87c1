"""Untrusted text as HTML in which nothing is hidden.

What a reader can't see or what would move the text around it (control characters, bidirectional overrides,
invisible letters, raw bytes) is written out as an escape in a marked box, so that a path can't pose as
another.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from markupsafe import Markup, escape

from authz.domain.hidden_characters import MARKS_IN_A_ROW, is_hidden, is_mark, is_wide_space

_BYTE_LOW, _BYTE_HIGH = 0xDC80, 0xDCFF  # how surrogateescape (PEP 383) carries bytes outside UTF-8


def wire(text: str) -> Markup:
    """Show text of the protocol exactly: printable ASCII as it is, save spaces at an end or in a row."""
    spaces = {at for at, char in enumerate(text) if char == " " and (text[at - 1 : at] in ("", " "))}
    if text.endswith(" "):
        spaces.add(len(text) - 1)
    hidden = [at in spaces or not " " <= char <= "~" for at, char in enumerate(text)]
    return _marked(text, hidden)


def prose(text: str) -> Markup:
    """Show text that people wrote, on one line: letters of every script as they are."""
    return Markup("<bdi>{}</bdi>").format(_marked(text, _hidden(text, "")))


def lines(text: str) -> Markup:
    """As `prose`, with line breaks and tabs as they are: for bodies and comments."""
    return Markup("<bdi>{}</bdi>").format(_marked(text, _hidden(text, "\n\t")))


def cut(show: Callable[[str], Markup], text: str, limit: int) -> Markup:
    """Show at most `limit` characters, and say in a mark how many more there are."""
    if len(text) <= limit:
        return show(text)
    return Markup('{}<span class="cut">… {:,} more characters</span>').format(
        show(text[:limit]), len(text) - limit
    )


def _hidden(text: str, kept: str) -> list[bool]:
    hidden = []
    marks = 0
    for char in text:
        marks = marks + 1 if is_mark(char) else 0
        unseen = is_hidden(char) or is_wide_space(char) or marks > MARKS_IN_A_ROW
        hidden.append(unseen and char not in kept)
    return hidden


def _marked(text: str, hidden: list[bool]) -> Markup:
    pieces = []
    for unseen, group in groupby(zip(text, hidden, strict=True), key=lambda pair: pair[1]):
        run = "".join(char for char, _ in group)
        if unseen:
            pieces.append(Markup('<span class="esc">{}</span>').format("".join(map(_escape, run))))
        else:
            pieces.append(escape(run))
    return Markup("").join(pieces)


def _escape(char: str) -> str:
    code = ord(char)
    if _BYTE_LOW <= code <= _BYTE_HIGH:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0x7F:  # noqa: PLR2004 - the end of ASCII
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the end of the BMP
