"""Who and what there is in a Teams: people, teams with channels, group chats, personal chats, and messages in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import orjson

Document = dict[str, Any]
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"

_numbers = itertools.count(1_790_000_000_001)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the tenant: `aad` is their object id, `id` the word for them that one bot alone gets."""

    name: str
    aad: str
    id: str

    @classmethod
    def named(cls, name: str) -> Member:
        aad = str(uuid5(NAMESPACE_DNS, f"{name}.example"))
        return cls(name, aad, f"29:{aad}")


@dataclass(slots=True)
class Message:
    """One message as it is now. `root` is the first of its thread, its own id where it is the first."""

    id: str
    room: Room
    root: str
    activity: Document
    by_bot: bool = True
    edits: int = 0

    @property
    def card(self) -> Document:
        """The Adaptive Card of the message. Raises AssertionError where it has none."""
        cards = [one for one in self.activity.get("attachments", []) if one["contentType"] == ADAPTIVE_CARD]
        assert cards, f"message {self.id} has no card"
        content: Document = cards[0]["content"]
        return content

    @property
    def text(self) -> str:
        return str(self.activity.get("text", ""))


@dataclass(slots=True, eq=False)
class Room:
    """One conversation. `kind` is `channel`, `groupChat` or `personal`; `team` is empty outside of channels."""

    id: str
    kind: str
    members: tuple[Member, ...]
    team: str = ""
    bot_in: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    def add(self, activity: Document, root: str = "", *, by_bot: bool) -> Message:
        number = str(next(_numbers))
        message = Message(number, self, root or number, activity, by_bot)
        self.messages[number] = message
        return message


def actions_of(card: object) -> Iterator[Document]:
    """Yield every action of a card, wherever it is: in a set, in a card that a button shows, on an element."""
    if isinstance(card, Mapping):
        if str(card.get("type", "")).startswith("Action."):
            yield dict(card)
        for value in card.values():
            yield from actions_of(value)
    elif isinstance(card, list):
        for each in card:
            yield from actions_of(each)


def inputs_of(card: object) -> Iterator[Document]:
    """Yield every input of a card, wherever it is."""
    if isinstance(card, Mapping):
        if str(card.get("type", "")).startswith("Input."):
            yield dict(card)
        for value in card.values():
            yield from inputs_of(value)
    elif isinstance(card, list):
        for each in card:
            yield from inputs_of(each)


def is_message(activity: Document) -> bool:
    """Say whether Teams would show it: words, or Adaptive Cards that name the people whom they mention."""
    attachments = activity.get("attachments", [])
    if activity.get("type") != "message" or not (activity.get("text") or attachments):
        return False
    return all(_is_card(attachment) for attachment in attachments)


def _is_card(attachment: Document) -> bool:
    card = attachment.get("content")
    if attachment.get("contentType") != ADAPTIVE_CARD or not isinstance(card, dict):
        return False
    if card.get("type") != "AdaptiveCard" or card.get("version") not in {"1.2", "1.3", "1.4", "1.5"}:
        return False
    written = orjson.dumps({**card, "msteams": {}}).decode()
    mentions = card.get("msteams", {}).get("entities", [])
    return all(str(mention.get("text")) in written for mention in mentions)
