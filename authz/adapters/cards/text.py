"""Text that somebody else wrote, made fit to be shown: each path, reason, name, comment and body.

What a renderer would hide or obey is made visible instead of dropped, because approvers judge what will
really run: a bidi override becomes `[U+202E]`, a byte outside UTF-8 `[0xFF]`, a cut says how much is missing.
Nothing is normalised or decoded. Markdown is not escaped here: whoever renders puts the result where no
Markdown is read.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from authz.adapters.cards.secrets import mask_tokens
from authz.domain.hidden_characters import MARKS_IN_A_ROW, is_hidden, is_mark, is_wide_space

CUT_MARK = "… [cut, see the page: {} more characters]"

_EMOJI_STYLE = "\ufe0f"
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python carries a byte that is no UTF-8 (PEP 383)


@dataclass(frozen=True, slots=True)
class Shown:
    """Text that is safe to show, and how many characters of it were cut off (0 for none)."""

    text: str
    cut: int


def one_line(text: str, limit: int) -> str:
    """Return `text` fit to be shown on one line, with at most `limit` characters and then the mark of a cut.

    Line breaks become `↵`, so that nothing in it can look like a line of its own.
    """
    shown = _show(mask_tokens(text).replace("\r\n", "\n").replace("\n", " ↵ "), limit, "")
    return shown.text + (CUT_MARK.format(shown.cut) if shown.cut else "")


def many_lines(text: str, limit: int) -> Shown:
    """Return `text` fit to be shown with its line breaks, and how much was cut after `limit` characters.

    Only for a block of its own, where a line can't be taken for one of ours. Tabs become two spaces.
    """
    return _show(mask_tokens(text).replace("\r\n", "\n").replace("\t", "  "), limit, "\n")


def _show(text: str, limit: int, allowed: str) -> Shown:
    """Make everything invisible visible except `allowed`, break macros, and stop at `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "{{" not in text:
        return Shown(text, 0)  # as it would come out below; almost every text is like this
    pieces: list[str] = []
    length = marks = 0
    last = ""
    for index, character in enumerate(text):
        marks = marks + 1 if is_mark(character) else 0
        if marks > MARKS_IN_A_ROW:
            piece = _named(character)
        elif character in allowed or (character == _EMOJI_STYLE and _is_symbol(last)):
            piece = character
        else:
            piece = _visible(character)
        if last == "{" and piece == "{":
            piece = " {"  # {{DATE(…)}} and {{TIME(…)}} are rewritten by card renderers, in any element
        if length + len(piece) > limit:
            return Shown("".join(pieces), len(text) - index)
        pieces.append(piece)
        length += len(piece)
        last = piece[-1]
    return Shown("".join(pieces), 0)


def _is_symbol(character: str) -> bool:
    return bool(character) and unicodedata.category(character) == "So"


def _visible(character: str) -> str:
    if " " <= character <= "~":
        return character
    if is_wide_space(character):
        return " "
    return _named(character) if is_hidden(character) else character


def _named(character: str) -> str:
    code = ord(character)
    return f"[0x{code - 0xDC00:02X}]" if code in _ESCAPED_BYTES else f"[U+{code:04X}]"
