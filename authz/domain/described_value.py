"""A wrong value of a policy's, as an error may name it."""

from __future__ import annotations

import re

# What names, choices, durations and header names look like. Few digits: no account, phone or card number, and hardly
# a key or a token.
_WORD = re.compile(r"[A-Za-z._:-]*(?:[0-9][A-Za-z._:-]*){0,4}", re.ASCII)
_WORD_MAX = 32
_NUMBER_MAX = 10**6


def described(value: object) -> str:
    """Name a value where it has the form of a word that policies are written with, else its type and size.

    A policy may pass on whatever it was given, secrets and personal data too, and its errors are logged. Named are
    null, booleans and what is empty, whole numbers below a million, and strings of at most 32 ASCII letters, `.`, `_`,
    `:`, `-` and up to four digits.
    """
    match value:
        case None | bool():
            return repr(value)
        case int() | float():
            return repr(value) if _short(value) else "a long number"
        case str():
            named = len(value) <= _WORD_MAX and _WORD.fullmatch(value)
            return repr(value) if named else f"a string of {_counted(len(value), 'character')}"
        case list():
            return f"an array of {_counted(len(value), 'entry', 'entries')}" if value else "[]"
        case dict():
            return f"an object of {_counted(len(value), 'key')}" if value else "{}"
        case _:
            return f"a value of the type {type(value).__name__}"


def _short(number: float) -> bool:
    # A fraction may be a coordinate, or a balance.
    return abs(number) < _NUMBER_MAX and (isinstance(number, int) or number.is_integer())


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
