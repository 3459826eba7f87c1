"""A card as somebody in the chat room reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


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
        """Return the line of a label such as `Requester`, empty when there is none."""
        return next((line for line in self.lines if line.startswith(f"{label}: ")), "")


def _lines(element: Mapping[str, Any]) -> Iterator[str]:
    match element["type"]:
        case "TextBlock":
            yield element["text"]
        case "RichTextBlock":
            yield "".join(run["text"] for run in element["inlines"])
        case "FactSet":
            for fact in element["facts"]:
                yield f"{fact['title']}: {fact['value']}"
        case "Container":
            for item in element["items"]:
                yield from _lines(item)
        case _:
            pass  # nothing else of a card is text
