from __future__ import annotations


def plain(text: str, limit: int = 400) -> str:
    r"""Return a text of somebody else's so that it can't do anything to a terminal or a log.

    Line breaks, control characters, invisible ones and changes of direction are written out, and what is longer than
    `limit` characters is cut.

    >>> plain("not on\na Friday\x1b[2J")
    'not on\\na Friday\\x1b[2J'
    """
    shown = "".join(character if character.isprintable() else _escaped(character) for character in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
