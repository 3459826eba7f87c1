"""Every kind of card is one of Adaptive Cards, by the official schema of the version that it names."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft6Validator, ValidationError

from tests.e2e.cards.kinds import kinds

KINDS = dict(kinds())


def validate(card: dict[str, Any]) -> None:
    """Raise ValidationError unless this is a card. `msteams` is Teams' own addition."""
    schema = files("adaptive_cards").joinpath(f"schemas/schema-{card['version']}.json")
    plain = {key: value for key, value in card.items() if key != "msteams"}
    Draft6Validator(json.loads(schema.read_text("utf-8"))).validate(plain)


@pytest.mark.parametrize("name", KINDS)
def test_it_is_a_card_of_its_version(name: str) -> None:
    card = KINDS[name]
    assert card["version"] == ("1.5" if name.startswith("bot-") else "1.4")
    validate(card)


@pytest.mark.parametrize("name", KINDS)
def test_the_schema_refuses_what_is_none(name: str) -> None:
    """The control."""
    card = json.loads(json.dumps(KINDS[name]))
    card["body"].append({"type": "Action.Execute", "verb": "approve"})
    with pytest.raises(ValidationError):
        validate(card)


def test_buttons_of_a_bot_are_unknown_to_the_version_of_a_webhook() -> None:
    """Why the two have different versions."""
    card = KINDS["bot-created"] | {"version": "1.3"}
    with pytest.raises(ValidationError):
        validate(card)


@pytest.mark.parametrize("name", KINDS)
def test_once_it_is_over_nothing_on_it_decides(name: str) -> None:
    decides = "Action.Execute" in json.dumps(KINDS[name])
    assert decides == (name in {"bot-created", "bot-answered"})
