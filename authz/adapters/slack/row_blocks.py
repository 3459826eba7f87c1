"""A card's rows as blocks: our words in markup, everybody else's text beside or below them, and never in it."""

from __future__ import annotations

from typing import Final

from authz.adapters.cards.rows import Line, Row
from authz.adapters.slack.blocks import (
    TEXT_MAX,
    Block,
    Context,
    Markup,
    PlainText,
    Section,
    literal,
    note,
    ours,
    units,
)

ELEMENTS_MAX: Final = 10
"""Of one context block."""


def standing_out(row: Row) -> list[Block]:
    """Return a row that has to be read first: in letters of full size, below its label."""
    texts = ["".join(piece.text for piece in line) for line in row.lines]
    return [note(f"*{row.label}*"), *(Section(type="section", text=literal(text)) for text in texts)]


def row_blocks(row: Row) -> list[Block]:
    """Return a row in small letters. Lines with no word of ours share a block, because there may be many."""
    blocks: list[Block] = []
    label: list[PlainText | Markup] = [ours(f"*{row.label}*")]
    together: list[str] = []
    for line in row.lines:
        if any(piece.ours for piece in line):
            blocks += _together(label, together)
            together = []
            blocks.append(Context(type="context", elements=[*label, *_elements(line)][:ELEMENTS_MAX]))
            label = []
            continue
        text = "".join(piece.text for piece in line)
        if together and units("\n".join([*together, text])) > TEXT_MAX:
            blocks += _together(label, together)
            label, together = [], []
        together.append(text)
    return [*blocks, *_together(label, together)]


def _together(label: list[PlainText | Markup], texts: list[str]) -> list[Block]:
    """Each text is one line that can't be taken for two: `cards.text` shows every line break in it."""
    return [Context(type="context", elements=[*label, literal("\n".join(texts))])] if texts else []


def _elements(line: Line) -> list[PlainText | Markup]:
    """Slack sets elements apart, so what would join ours to the one before is left out."""
    return [
        ours(piece.text.strip().lstrip(",: ")) if piece.ours else literal(piece.text)
        for piece in line
        if piece.text.strip() or not piece.ours
    ]
