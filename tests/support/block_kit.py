"""Slack's documented bounds on Block Kit, and what a reader sees of a message: read literally, or as markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
TEXT = 3000
MESSAGE_LENGTH = 11_000
"""Not documented: what Slack has been seen to refuse as msg_blocks_too_long."""

_ELEMENTS = {"actions": 25, "context": 10}


def length(text: str) -> int:
    """Return how long a text is as a client counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def problems(blocks: object, most: int = MESSAGE_BLOCKS) -> list[str]:
    """Return why Slack would answer invalid_blocks, nothing for what it takes."""
    if not isinstance(blocks, list):
        return ["blocks must be a list"]
    found = [f"{len(blocks)} blocks, {most} is the limit"] if len(blocks) > most else []
    for number, block in enumerate(blocks):
        found += [f"/blocks/{number}: {problem}" for problem in _block(block)]
    return found


def _block(block: Document) -> Iterator[str]:
    match block:
        case {"type": "header", "text": {"type": "plain_text"} as text, **rest}:
            yield from _text(text, 150)
            yield from _unknown(rest, {"block_id"})
        case {"type": "section", **rest}:
            yield from _section(rest)
        case {"type": "context", "elements": [*elements], **rest}:
            yield from _count("context", elements)
            for element in elements:
                yield from _text(element, TEXT)
            yield from _unknown(rest, {"block_id"})
        case {"type": "actions", "elements": [*elements], **rest}:
            yield from _count("actions", elements)
            for element in elements:
                yield from _button(element)
            names = [element.get("action_id") for element in elements]
            if len(names) != len(set(names)):
                yield "an action_id stands twice in one block"
            yield from _unknown(rest, {"block_id"})
        case {"type": "input", "label": label, "element": element, **rest}:
            yield from _text(label, 2000, kinds=("plain_text",))
            if "hint" in rest:
                yield from _text(rest["hint"], 2000, kinds=("plain_text",))
            yield from _input(element)
            yield from _unknown(rest, {"block_id", "hint", "optional", "dispatch_action"})
        case _:
            yield "unsupported type, or a part is missing"


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield "a section needs text or fields"
    if "text" in block:
        yield from _text(block["text"], TEXT)
    if fields is not None:
        if not 1 <= len(fields) <= 10:
            yield f"{len(fields)} fields, 1 to 10 are allowed"
        for field in fields:
            yield from _text(field, 2000)
    yield from _unknown(block, {"text", "fields", "block_id", "accessory", "expand"})


def _button(element: Document) -> Iterator[str]:
    match element:
        case {"type": "button", "action_id": str(action), "text": text, **rest}:
            yield from _text(text, 75, kinds=("plain_text",))
            if not 0 < len(action) <= 255:
                yield "action_id must have 1 to 255 characters"
            if length(rest.get("value", "")) > 2000:
                yield "value is longer than 2000"
            if length(rest.get("url", "")) > 3000:
                yield "url is longer than 3000"
            if rest.get("style", "primary") not in {"primary", "danger"}:
                yield "style must be primary or danger"
            yield from _unknown(rest, {"value", "url", "style", "confirm", "accessibility_label"})
        case _:
            yield "not a button"


def _input(element: Document) -> Iterator[str]:
    match element:
        case {"type": "plain_text_input", "action_id": str(), **rest}:
            if not 0 <= rest.get("min_length", 0) <= 3000 or not 1 <= rest.get("max_length", 3000) <= 3000:
                yield "min_length and max_length are at most 3000"
            known = {"min_length", "max_length", "multiline", "placeholder", "initial_value", "focus_on_load"}
            yield from _unknown(rest, known)
        case _:
            yield "unsupported element of an input"


def _text(text: Document, most: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    match text:
        case {"type": str(kind), "text": str(words), **rest} if kind in kinds:
            if not 1 <= length(words) <= most:
                yield f"a text of {length(words)} characters, 1 to {most} are allowed"
            yield from _unknown(rest, {"emoji"} if kind == "plain_text" else {"verbatim"})
        case _:
            yield f"not a text of the kinds {kinds}"


def _count(kind: str, elements: Sequence[object]) -> Iterator[str]:
    if not 1 <= len(elements) <= _ELEMENTS[kind]:
        yield f"{len(elements)} elements, 1 to {_ELEMENTS[kind]} are allowed"


def _unknown(rest: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for name in rest.keys() - known:
        yield f"unknown field {name}"


def view_problems(view: Document) -> list[str]:
    """Return why Slack would refuse a window, nothing for what it takes."""
    match view:
        case {"type": "modal", "title": title, "blocks": blocks, **rest}:
            found = problems(blocks, VIEW_BLOCKS)
            for text in (title, rest.get("submit"), rest.get("close")):
                found += [] if text is None else list(_text(text, 24, kinds=("plain_text",)))
            if length(rest.get("private_metadata", "")) > 3000 or len(rest.get("callback_id", "")) > 255:
                found.append("private_metadata or callback_id is too long")
            return found
        case _:
            return ["not a modal"]


def total(node: object) -> int:
    """Return how much text there is in blocks."""
    return sum(length(text) for text in (*texts(node).literal, *texts(node).markup))


@dataclass(frozen=True)
class Texts:
    """`literal` is shown as it is. `markup` is read: links, mentions and formatting in it count."""

    literal: tuple[str, ...]
    markup: tuple[str, ...]


def texts(node: object) -> Texts:
    """Tell the texts of a message apart. A message's own `text` is read as markup, too."""
    literal: list[str] = []
    markup: list[str] = []
    for kind, text in _walk(node):
        (literal if kind == "plain_text" else markup).append(text)
    return Texts(tuple(literal), tuple(markup))


def _walk(node: object) -> Iterator[tuple[str, str]]:
    match node:
        case {"type": "plain_text" | "mrkdwn" as kind, "text": str(text)}:
            yield str(kind), text
        case {"text": str(text), **rest}:
            yield "mrkdwn", text
            yield from _walk(list(rest.values()))
        case dict():
            for value in node.values():
                yield from _walk(value)
        case list() | tuple():
            for value in node:
                yield from _walk(value)
        case _:
            return
