"""A card as somebody in the chat room reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from authz.adapters.teams.elements import BREAK


class RoomCard:
    """Reads a message of the room: a Workflows envelope with one Adaptive Card (schema 1.4)."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._card: Mapping[str, Any] = message["attachments"][0]["content"]

    @property
    def link(self) -> str:
        """Where its button leads, empty without one."""
        return next((action["url"] for action in self._card.get("actions", ()) if "url" in action), "")

    @property
    def ticket_id(self) -> str:
        """The ticket that it is about, empty for a card about something else."""
        _, found, identifier = self.link.rpartition("/tickets/")
        return identifier if found else ""

    @property
    def lines(self) -> list[str]:
        """The text, line by line; the first one is the title."""
        return [line for element in self._card["body"] for line in _lines(element)]

    def line(self, label: str) -> str:
        """Return `label: text`, empty when the card has no such label: beside a text, or on the line above it."""
        lines = self.lines
        above = (f"{one}: {after}" for one, after in pairwise(lines) if one == label)
        return next((line for line in lines if line.startswith(f"{label}: ")), next(above, ""))


def _lines(element: Mapping[str, Any]) -> Iterator[str]:
    match element["type"]:
        case "TextBlock":
            yield element["text"]
        case "RichTextBlock":
            yield "".join(run["text"] for run in element["inlines"]).replace(BREAK, "")
        case "ColumnSet":
            label, text = (" ".join(_texts(column)) for column in element["columns"])
            yield f"{label}: {text}"
        case "Container":
            yield from _texts(element)
        case _:
            pass  # nothing else of a card is text


def _texts(parent: Mapping[str, Any]) -> Iterator[str]:
    for item in parent["items"]:
        yield from _lines(item)
