from __future__ import annotations


def plain(text: str, limit: int = 400) -> str:
    """Return a text of somebody else's so that it can't do anything to a terminal or a log.

    Line breaks, control characters, invisible ones and changes of direction are written out, and what is longer than
    `limit` characters is cut.
    """
    shown = "".join(character if character.isprintable() else _escaped(character) for character in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
