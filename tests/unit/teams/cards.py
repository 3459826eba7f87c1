"""Reading a card as its reader would: which text is taken literally, and which is read as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams.elements import BREAK
from authz.adapters.teams.envelope import MAX_BYTES, envelope
from authz.domain.events import EventType
from authz.domain.ticket import Ticket
from authz.services.ports import Posting
from tests.support.sample_tickets import BODY, CREATED_AT

PUBLIC_URL = "https://holdgate.example"
_SCHEMA = json.loads(files("adaptive_cards").joinpath("schemas/schema-1.4.json").read_text("utf-8"))
_VALIDATOR = Draft6Validator(_SCHEMA)


@dataclass(frozen=True)
class Texts:
    """Every text of a message: `literal` is set apart and read as it is, `ours` is what only we may write."""

    literal: tuple[str, ...]
    ours: tuple[str, ...]


def render(
    ticket: Ticket,
    event: EventType = EventType.TICKET_CREATED,
    now: int = CREATED_AT + 1000,
    body: bytes = BODY,
) -> dict[str, Any]:
    """Return the message for a ticket, having checked its size and its card against the official schema."""
    message = message_of(ticket, event, now, body)
    validate(message["attachments"][0]["content"])
    return message


def message_of(ticket: Ticket, event: EventType, now: int, body: bytes) -> dict[str, Any]:
    """Return the message for a ticket, having checked its size."""
    data = envelope(Posting(event, ticket, now, body), PUBLIC_URL, CardLimits())
    assert len(data) < MAX_BYTES
    message: dict[str, Any] = json.loads(data)
    return message


def validate(card: dict[str, Any]) -> None:
    """Raise ValidationError unless this is a card of version 1.4. `msteams` is Teams' own addition."""
    _VALIDATOR.validate({key: value for key, value in card.items() if key != "msteams"})
    assert card["version"] == "1.4"


def texts(message: dict[str, Any]) -> Texts:
    """Tell the literal texts of a message from all others, without the breaks that long words have."""
    literal: list[str] = []
    ours: list[str] = []
    for is_literal, text in _walk(message):
        (literal if is_literal else ours).append(text.replace(BREAK, ""))
    return Texts(tuple(literal), tuple(ours))


def _walk(node: object) -> Iterator[tuple[bool, str]]:
    match node:
        case {"type": "TextRun", "fontType": "Monospace", "text": str(text)}:
            yield True, text
        case dict():
            for value in node.values():
                yield from _walk(value)
        case list():
            for value in node:
                yield from _walk(value)
        case str():
            yield False, node
        case _:
            return
