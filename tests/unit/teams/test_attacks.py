"""What others wrote is literal in every place of every card, for every attack that we know of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams import elements
from authz.adapters.teams.elements import BREAK, own_words
from authz.adapters.teams.envelope import alarm_envelope
from authz.domain.events import EventType
from authz.domain.ticket import State
from authz.services.ports import Alarm
from tests.support.sample_tickets import CREATED_AT
from tests.unit.teams.attacked import (
    KINDS,
    OF_REQUEST,
    OF_REVIEWS,
    OF_VOTES,
    ON_WHOLE_CARDS,
    attacked,
    attacked_body,
    attacked_review,
    mark,
)
from tests.unit.teams.attacks import ATTACKS
from tests.unit.teams.cards import PUBLIC_URL, message_of, render, texts, validate
from tests.unit.teams.test_text import hidden

EACH = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
LINK = ATTACKS["link"]


def problems(message: dict[str, Any], fields: tuple[str, ...]) -> list[str]:
    """Return what is wrong with a message: a field that isn't shown or not literally, and what would be obeyed."""
    found = texts(message)
    every = (*found.literal, *found.ours)
    return [
        *(
            f"{field} is not shown"
            for field in fields
            if not any(mark(field) in text for text in found.literal)
        ),
        *(f"among our words: {text}" for text in found.ours if "⟪" in text or "⟫" in text),
        *(f"a macro: {text}" for text in every if "{{" in text),
        *(
            f"hidden: {character!r}"
            for text in (*found.literal, *found.ours)
            for character in hidden(text.replace("\n", ""))
        ),
        *(
            f"lines: {text}"
            for text in (*found.literal, *found.ours)
            if "\n" in text and mark("body") not in text
        ),
        *(f"an address: {url}" for url in urls(message) if not url.startswith(f"{PUBLIC_URL}/")),
    ]


def urls(node: object) -> list[str]:
    """Return whatever a renderer would open or fetch."""
    match node:
        case dict():
            own = [
                value
                for key, value in node.items()
                if key in {"url", "iconUrl", "contentUrl", "backgroundImage"}
            ]
            return [
                *(str(value) for value in own if value is not None),
                *(url for value in node.values() for url in urls(value)),
            ]
        case list():
            return [url for value in node for url in urls(value)]
        case _:
            return []


def test_the_corpus_is_large() -> None:
    assert len(ATTACKS) >= 120


@EACH
def test_on_a_new_ticket(attack: str) -> None:
    for kind in KINDS:
        held, body = attacked(attack, kind), attacked_body(attack, kind)
        message = message_of(held, EventType.TICKET_CREATED, CREATED_AT + 1, body)
        if kind == "json":
            validate(message["attachments"][0]["content"])
        unreadable = any("not shown here" in text for text in texts(message).ours)
        fields = (*OF_REQUEST, *ON_WHOLE_CARDS, *OF_VOTES, *(() if unreadable else ("body",)))
        assert problems(message, fields) == []


@EACH
def test_on_a_ticket_that_has_ended(attack: str) -> None:
    message = render(attacked(attack, state=State.CANCELLED), EventType.TICKET_CANCELLED)
    assert problems(message, (*OF_REQUEST, *OF_VOTES)) == []


@EACH
def test_on_an_alarm(attack: str) -> None:
    after = ("end-name", "end-id", "end-comment")
    for kind, seen in ((EventType.BREAKGLASS_USED, ()), (EventType.BREAKGLASS_REVIEWED, after)):
        alarm = Alarm(kind, attacked_review(attack, done=bool(seen)), CREATED_AT + 2)
        message: dict[str, Any] = json.loads(alarm_envelope(alarm, PUBLIC_URL, CardLimits()))
        validate(message["attachments"][0]["content"])
        assert problems(message, (*OF_REQUEST, *OF_REVIEWS, *seen)) == []


def test_the_check_sees_text_in_the_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with lines made of Markdown blocks the same look at the card finds the attack."""
    monkeypatch.setattr(elements, "_line", lambda line: own_words("".join(piece.text for piece in line)))
    assert any(found.startswith("among our words") for found in problems(render(attacked(LINK)), ()))


def test_the_check_sees_what_nobody_made_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with text taken as it is the same look finds hidden characters and macros."""
    monkeypatch.setattr("authz.adapters.cards.rows.one_line", lambda text, limit: text[:limit])
    found = problems(render(attacked("\u202e{{DATE(2020-01-01T00:00:00Z)}}")), ())
    assert {text.partition(":")[0] for text in found} >= {"hidden", "a macro"}


def test_the_check_sees_another_address() -> None:
    message = render(attacked(LINK))
    message["attachments"][0]["content"]["actions"][0]["url"] = "javascript:alert(1)"
    assert problems(message, ()) == ["an address: javascript:alert(1)"]


@EACH
def test_no_word_is_too_long_for_a_phone(attack: str) -> None:
    message = message_of(attacked(attack), EventType.TICKET_CREATED, CREATED_AT + 1, b"")
    runs = _runs(message)
    assert runs
    assert max(len(part) for run in runs for part in _unbroken(run)) <= elements.PART_MAX + 5


def _runs(node: object) -> list[str]:
    """Return the text of every TextRun."""
    match node:
        case {"type": "TextRun", "text": str(text)}:
            return [text]
        case dict():
            return [run for value in node.values() for run in _runs(value)]
        case list():
            return [run for value in node for run in _runs(value)]
        case _:
            return []


def test_somebody_elses_breaks_are_visible() -> None:
    """A path whose words are cut by somebody else is told from one that we cut."""
    found = texts(render(attacked("/ad\u200bmin")))
    assert any("/ad[U+200B]min" in text for text in found.literal)


def test_without_breaks_a_long_word_has_none() -> None:
    """The control."""
    assert max(len(part) for part in _unbroken("delete" * 400)) > elements.PART_MAX + 5


def _unbroken(text: str) -> list[str]:
    """Return the runs of a text that no renderer could break."""
    return [part for word in text.split() for part in word.split(BREAK)]
