"""The few Adaptive Card elements that our cards are made of, as typed dicts (Adaptive Cards schema 1.4).

A TextBlock is read as Markdown, a TextRun is not. So `own_words` is for text that we wrote, and whatever anybody else
wrote goes into `row` or `block`, after `cards.text`, in a typeface that no word of ours has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NotRequired, TypedDict

from authz.adapters.cards.rows import Line, Piece, Row

BREAK = "\u200b"
LABEL_WIDTH = "112px"
NO_BREAK_SPACE = "\u00a0"
PART_MAX = 16

_JOINTS = frozenset("/?&=.,;:_-+%")
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_LONG_WORD = re.compile(rf"\S{{{PART_MAX + 1},}}")


class TextRun(TypedDict):
    """Literal text inside a RichTextBlock."""

    type: Literal["TextRun"]
    text: str
    isSubtle: NotRequired[bool]
    weight: NotRequired[Literal["Bolder"]]
    fontType: NotRequired[Literal["Monospace"]]


class RichTextBlock(TypedDict):
    """A paragraph of literal text."""

    type: Literal["RichTextBlock"]
    inlines: list[TextRun]
    spacing: NotRequired[Literal["None", "Small"]]


class TextBlock(TypedDict):
    """A paragraph of Markdown: our own words only."""

    type: Literal["TextBlock"]
    text: str
    wrap: bool
    size: NotRequired[Literal["Large"]]
    weight: NotRequired[Literal["Bolder"]]
    isSubtle: NotRequired[bool]


class Column(TypedDict):
    """One of the columns of a row: the label's, or what stands beside it."""

    type: Literal["Column"]
    width: str
    items: Sequence[TextBlock | RichTextBlock]


class ColumnSet(TypedDict):
    """A row. Those below each other have their labels in line."""

    type: Literal["ColumnSet"]
    columns: list[Column]
    spacing: NotRequired[Literal["Small", "Medium"]]
    separator: NotRequired[bool]


ContainerStyle = Literal["emphasis", "good", "attention", "warning", "accent"]


class Container(TypedDict):
    """A coloured box."""

    type: Literal["Container"]
    style: ContainerStyle
    items: Sequence[TextBlock | RichTextBlock]


class OpenUrl(TypedDict):
    """A button that opens a page, the only action a Workflows webhook's card can have."""

    type: Literal["Action.OpenUrl"]
    title: str
    url: str


Element = RichTextBlock | TextBlock | ColumnSet | Container


class TeamsOptions(TypedDict):
    """Teams' own extension of the card."""

    width: Literal["Full"]


AdaptiveCard = TypedDict(
    "AdaptiveCard",
    {
        "$schema": str,
        "type": Literal["AdaptiveCard"],
        "version": Literal["1.4"],
        "fallbackText": str,
        "body": list[Element],
        "actions": list[OpenUrl],
        "msteams": TeamsOptions,
    },
)


def own_words(text: str, *, large: bool = False, subtle: bool = False) -> TextBlock:
    """Return a paragraph in our own words."""
    block = TextBlock(type="TextBlock", text=text, wrap=True)
    if large:
        block["size"] = "Large"
        block["weight"] = "Bolder"
    if subtle:
        block["isSubtle"] = True
    return block


def row(row: Row) -> ColumnSet:
    """Return a label, our own, and beside it what it is about, each line a paragraph of its own."""
    # A TextBlock for the label would stand on another base line than what is beside it.
    label = RichTextBlock(
        type="RichTextBlock", inlines=[TextRun(type="TextRun", text=row.label, isSubtle=True)]
    )
    lines = [_line(line) for line in row.lines]
    for after in lines[1:]:
        after["spacing"] = "None"
    return ColumnSet(
        type="ColumnSet",
        columns=[
            Column(type="Column", width=LABEL_WIDTH, items=[label]),
            Column(type="Column", width="stretch", items=lines),
        ],
        spacing="Small",
    )


def wide_row(row: Row) -> list[Element]:
    """Return a label, and below it, over the whole width, what it is about."""
    lines = [_line(line) for line in row.lines]
    for line in lines:
        line["spacing"] = "None"
    return [own_words(row.label, subtle=True), *lines]


def section(rows: Sequence[ColumnSet]) -> list[Element]:
    """Return rows with a line between them and what is above."""
    if rows:
        rows[0]["separator"] = True
        rows[0]["spacing"] = "Medium"
    return [*rows]


def block(shown: str) -> RichTextBlock:
    """Return somebody else's lines, indented by spaces that renderers don't collapse."""
    lines = (
        NO_BREAK_SPACE * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in shown.split("\n")
    )
    return _line((Piece("\n".join(lines)),))


def breakable(text: str) -> str:
    """Return text whose long words have BREAK in them, so that no renderer lets their ends run out of the card.

    What somebody else wrote has no such character left: `cards.text` has made each of theirs visible.
    """
    return _LONG_WORD.sub(lambda found: BREAK.join(_parts(found.group())), text)


def _parts(word: str) -> Iterator[str]:
    """Cut a word after what joins its parts, and where that is long to come; never before what belongs to a letter."""
    part = ""
    for character in word:
        full = len(part) >= PART_MAX or (part[-1:] in _JOINTS and character not in _JOINTS)
        if full and not unicodedata.category(character).startswith("M") and character not in _SKIN_TONES:
            yield part
            part = ""
        part += character
    yield part


def _line(line: Line) -> RichTextBlock:
    return RichTextBlock(type="RichTextBlock", inlines=[_run(piece) for piece in line])


def _run(piece: Piece) -> TextRun:
    if piece.ours:
        return TextRun(type="TextRun", text=piece.text)
    return TextRun(type="TextRun", text=breakable(piece.text), fontType="Monospace")


def box(style: ContainerStyle, *items: TextBlock | RichTextBlock) -> Container:
    """Return a coloured box."""
    return Container(type="Container", style=style, items=list(items))


def card(fallback: str, body: list[Element], button: str, url: str) -> AdaptiveCard:
    """Return a whole card with one button that opens `url`."""
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": fallback,
        "body": body,
        "actions": [OpenUrl(type="Action.OpenUrl", title=button, url=url)],
        "msteams": TeamsOptions(width="Full"),
    }
