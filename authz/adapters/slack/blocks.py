"""The few blocks that our messages are made of, as typed dicts (Slack's Block Kit), and Slack's bounds on them.

A `mrkdwn` text is read: `<url|words>` is a link and `<!channel>` calls everybody. A `plain_text` is not. So `ours` is
for what we wrote ourselves, and whatever anybody else wrote goes into `literal`, after `cards.text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NotRequired, TypedDict

BLOCKS_MAX: Final = 50
TEXT_MAX: Final = 3000
FIELDS_MAX: Final = 10
NO_BREAK_SPACE: Final = "\u00a0"

APPROVE: Final = "holdgate_approve"
REJECT: Final = "holdgate_reject"
DETAILS: Final = "holdgate_details"


class PlainText(TypedDict):
    """Literal text: neither markup nor `:emoji:`."""

    type: Literal["plain_text"]
    text: str
    emoji: Literal[False]


class Markup(TypedDict):
    """Text that Slack reads: our own words only. `verbatim` keeps it from making links of what looks like one."""

    type: Literal["mrkdwn"]
    text: str
    verbatim: Literal[True]


class Header(TypedDict):
    """A line in large letters."""

    type: Literal["header"]
    text: PlainText


class Section(TypedDict):
    """A paragraph, or a table of two columns."""

    type: Literal["section"]
    text: NotRequired[PlainText | Markup]
    fields: NotRequired[list[Markup]]


class Context(TypedDict):
    """A line in small letters."""

    type: Literal["context"]
    elements: list[PlainText | Markup]


class Button(TypedDict):
    """`value` comes back when it is pressed, and `url` is opened."""

    type: Literal["button"]
    action_id: str
    text: PlainText
    value: NotRequired[str]
    url: NotRequired[str]
    style: NotRequired[Literal["primary", "danger"]]


class Actions(TypedDict):
    """A row of buttons."""

    type: Literal["actions"]
    block_id: NotRequired[str]
    elements: list[Button]


Block = Header | Section | Context | Actions


def literal(shown: str) -> PlainText:
    """Return somebody else's text, as it is. It went through `cards.text`; Slack refuses an empty one."""
    return PlainText(type="plain_text", text=shown or NO_BREAK_SPACE, emoji=False)


def ours(text: str) -> Markup:
    """Return our own words. What Slack reads as a command is escaped all the same: a rule's name stands in some."""
    return Markup(type="mrkdwn", text=escaped(text), verbatim=True)


def escaped(text: str) -> str:
    """Return text without what begins a link or a mention, or ends one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def header(text: str) -> Header:
    """Return a headline of ours."""
    return Header(type="header", text=literal(text))


def words(text: str) -> Section:
    """Return a paragraph in our own words."""
    return Section(type="section", text=ours(text))


def note(text: str) -> Context:
    """Return a line of ours in small letters."""
    return Context(type="context", elements=[ours(text)])


def table(pairs: Sequence[tuple[str, str]]) -> Section:
    """Return facts of our own in two columns."""
    return Section(
        type="section", fields=[ours(f"*{title}*\n{value}") for title, value in pairs[:FIELDS_MAX]]
    )


def lines(shown: str) -> list[Section]:
    """Return somebody else's lines, indented by spaces that clients don't collapse, in as many blocks as they need."""
    indented = "\n".join(
        NO_BREAK_SPACE * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in shown.split("\n")
    )
    return [Section(type="section", text=literal(part)) for part in _parts(indented)]


def button(
    action: str, title: str, *, value: str = "", style: Literal["", "primary", "danger"] = ""
) -> Button:
    """Return a button that tells us `value`."""
    made = Button(type="button", action_id=action, text=literal(title), value=value)
    if style:
        made["style"] = style
    return made


def link_button(title: str, url: str) -> Button:
    """Return a button that opens a page. Slack tells of its press, too, and wants that to be acknowledged."""
    return Button(type="button", action_id=DETAILS, text=literal(title), url=url)


def actions(*buttons: Button) -> Actions:
    """Return a row of buttons."""
    return Actions(type="actions", elements=list(buttons))


def units(text: str) -> int:
    """Return how long Slack takes a text to be: in UTF-16, as its clients count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def lengths(node: object) -> list[int]:
    """Return how long each text in a message is."""
    match node:
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            return [units(text)]
        case dict():
            return [found for value in node.values() for found in lengths(value)]
        case list() | tuple():
            return [found for value in node for found in lengths(value)]
        case _:
            return []


def _parts(text: str) -> list[str]:
    """Cut where Slack's bound on one text falls. Each character is at most two of its units."""
    step = TEXT_MAX // 2
    return (
        [text[start : start + step] for start in range(0, len(text), step)]
        if units(text) > TEXT_MAX
        else [text]
    )
