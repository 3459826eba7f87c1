"""What the cards of the bot say and do, read as Teams would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, cast

import orjson
from jsonschema import Draft6Validator

from authz.adapters.teams.envelope import MAX_BYTES
from authz.adapters.teams_bot.card import CardTerms
from authz.adapters.teams_bot.messages import Message, ticket_message
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.domain.ticket import Ticket
from authz.services.ports import Posting
from tests.support.sample_tickets import BODY, CREATED_AT

TENANT = "72f988bf-0000-4000-8000-000000000001"
TERMS = CardTerms("https://holdgate.example", TENANT)
_SCHEMA = json.loads(files("adaptive_cards").joinpath("schemas/schema-1.5.json").read_text("utf-8"))
_VALIDATOR = Draft6Validator(_SCHEMA)


def posting(
    ticket: Ticket,
    event: EventType = EventType.TICKET_CREATED,
    *,
    now: int = CREATED_AT + 1000,
    body: bytes | None = BODY,
    copied: bool = False,
    designated: tuple[Person, ...] = (),
) -> Posting:
    return Posting(event, ticket, now, body, copied=copied, designated=designated)


def card_of(message: Message) -> dict[str, Any]:
    """Return the card of a message, having checked its size and the official schema of its version."""
    assert len(orjson.dumps(message)) < MAX_BYTES
    found: dict[str, Any] = json.loads(orjson.dumps(message))["attachments"][0]["content"]
    validate(found)
    return found


def rendered(one: Posting) -> dict[str, Any]:
    return card_of(ticket_message(one, TERMS))


def validate(card: Mapping[str, Any]) -> None:
    """Raise ValidationError unless this is a card of version 1.5. `msteams` is Teams' own addition."""
    _VALIDATOR.validate({key: value for key, value in card.items() if key != "msteams"})
    assert card["version"] == "1.5"


def executes(node: object) -> Iterator[dict[str, Any]]:
    """Return every button that comes back to the bot, however deep it is."""
    match node:
        case {"type": "Action.Execute"}:
            yield cast("dict[str, Any]", node)
        case dict():
            for value in node.values():
                yield from executes(value)
        case list():
            for value in node:
                yield from executes(value)
        case _:
            return


def words(card: Mapping[str, Any]) -> str:
    return json.dumps(card, ensure_ascii=False)
