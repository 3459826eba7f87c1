"""The few Adaptive Card elements that our cards are made of, as typed dicts (Adaptive Cards schema 1.4).

A TextBlock and a FactSet value are read as Markdown, a TextRun is not. So `own_words` and `fact_set` are for
text that we wrote, and whatever anybody else wrote goes into `row` or `block`, after `cards.text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

NO_BREAK_SPACE = "\u00a0"


class TextRun(TypedDict):
    """Literal text inside a RichTextBlock."""

    type: Literal["TextRun"]
    text: str
    weight: NotRequired[Literal["Bolder"]]
    fontType: NotRequired[Literal["Monospace"]]


class RichTextBlock(TypedDict):
    """A paragraph of literal text."""

    type: Literal["RichTextBlock"]
    inlines: list[TextRun]
    spacing: NotRequired[Literal["Small"]]


class TextBlock(TypedDict):
    """A paragraph of Markdown: our own words only."""

    type: Literal["TextBlock"]
    text: str
    wrap: bool
    size: NotRequired[Literal["Large"]]
    weight: NotRequired[Literal["Bolder"]]
    isSubtle: NotRequired[bool]


class Fact(TypedDict):
    """A line of a FactSet."""

    title: str
    value: str


class FactSet(TypedDict):
    """A table of two columns, both read as Markdown: our own words only."""

    type: Literal["FactSet"]
    facts: list[Fact]


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


Element = RichTextBlock | TextBlock | FactSet | Container


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


def row(label: str, shown: str) -> RichTextBlock:
    """Return `label` in bold, our own, and then somebody else's text, set apart by its typeface."""
    return RichTextBlock(
        type="RichTextBlock",
        inlines=[
            TextRun(type="TextRun", text=f"{label}: ", weight="Bolder"),
            TextRun(type="TextRun", text=shown, fontType="Monospace"),
        ],
        spacing="Small",
    )


def block(shown: str) -> RichTextBlock:
    """Return somebody else's lines, indented by spaces that renderers don't collapse."""
    lines = (
        NO_BREAK_SPACE * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in shown.split("\n")
    )
    run = TextRun(type="TextRun", text="\n".join(lines), fontType="Monospace")
    return RichTextBlock(type="RichTextBlock", inlines=[run])


def fact_set(pairs: Sequence[tuple[str, str]]) -> FactSet:
    """Return a table of our own facts."""
    return FactSet(type="FactSet", facts=[Fact(title=title, value=value) for title, value in pairs])


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
