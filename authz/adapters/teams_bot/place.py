"""Where a card is, as the card book remembers it: in a room by its conversation, or with a person by their object id.

A person's conversation is looked up each time, because it is another one after the bot was installed anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ROOM: Final = "room"
_PERSON: Final = "person"
_THREAD: Final = ";messageid="


@dataclass(frozen=True, slots=True)
class Place:
    """`id` is a conversation's id in Teams, or the object id of a person at Entra."""

    id: str
    personal: bool = False

    def __str__(self) -> str:
        """`room ID` or `person ID`."""
        return f"{_PERSON if self.personal else _ROOM} {self.id}"


def parse_place(text: str) -> Place:
    """Return the place of a remembered card. Raises ValueError for what no release wrote."""
    kind, _, identifier = text.partition(" ")
    if kind not in {_ROOM, _PERSON} or not identifier:
        msg = f"{text!r:.80} is no place of the Teams bot"
        raise ValueError(msg)
    return Place(identifier, personal=kind == _PERSON)


def room_of(conversation_id: str) -> str:
    """Return the id of the channel or group that a conversation is in: a thread's names its first message behind it."""
    return conversation_id.partition(_THREAD)[0]
