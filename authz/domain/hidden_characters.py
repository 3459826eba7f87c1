"""Which characters a reader can't see, or which move the text around them.

Cards, pages and the terminal each make these visible in their own way; which they are is decided once, here.
"""

from __future__ import annotations

import unicodedata

MARKS_IN_A_ROW = 4
"""Combining marks on one letter that living scripts need; more draw over the lines around them."""

# Letters and symbols by category that draw nothing (Unicode's Default_Ignorable_Code_Point, and the Braille blank).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u180b\u180c\u180d\u180f") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
# Controls, formats (bidirectional overrides among them), surrogates, private use, unassigned, line separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Me", "Mn"})


def is_hidden(character: str) -> bool:
    """Say whether this character draws nothing or steers others. Spaces of any width are not hidden."""
    return character in _BLANK or unicodedata.category(character) in _HIDDEN_CATEGORIES


def is_mark(character: str) -> bool:
    """Say whether this character is drawn onto the one before."""
    return unicodedata.category(character) in _MARK_CATEGORIES


def is_wide_space(character: str) -> bool:
    """Say whether this is a space other than the plain one."""
    return character != " " and unicodedata.category(character) == "Zs"
