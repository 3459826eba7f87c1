"""What others wrote is literal where a card is drawn, too: by the renderer of Teams' clients, with Markdown on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any, Final

import orjson
import pytest
from playwright.async_api import Browser

from authz.adapters.cards.rows import CardLimits
from authz.adapters.teams import elements
from authz.adapters.teams.elements import own_words
from authz.adapters.teams.envelope import alarm_envelope, envelope
from authz.adapters.teams_bot import card as bot_card
from authz.adapters.teams_bot.card import listing_card
from authz.adapters.teams_bot.messages import answered_card, card_message, outcome_message, ticket_message
from authz.domain.events import EventType
from authz.domain.ticket import State, Ticket
from authz.services.ports import Alarm, Posting
from tests.e2e.cards.kinds import PUBLIC_URL, TERMS, card_of
from tests.e2e.cards.renderer import PHONE, CardRenderer, Seen
from tests.support.sample_tickets import CREATED_AT
from tests.unit.teams.attacked import attacked, attacked_body, attacked_review
from tests.unit.teams.attacks import ATTACKS

pytestmark = [pytest.mark.chromium, pytest.mark.card_renderer, pytest.mark.timeout(180)]

NOW = CREATED_AT + 1000
PLAIN_TAGS: Final = frozenset({"div", "p", "span", "br", "button", "input", "textarea", "label", "form"})

Make = Callable[[str], dict[str, Any]]


def posted(ticket: Ticket, event: EventType, body: bytes = b"") -> dict[str, Any]:
    return card_of(envelope(Posting(event, ticket, NOW, body), PUBLIC_URL, CardLimits()))


def of_bot(attack: str) -> dict[str, Any]:
    one = Posting(EventType.TICKET_CREATED, attacked(attack), NOW, attacked_body(attack, "json"))
    return card_of(orjson.dumps(ticket_message(one, TERMS)))


def answered(attack: str) -> dict[str, Any]:
    """What the policy said of a vote stands on top of the card."""
    one = Posting(EventType.TICKET_CREATED, attacked(attack), NOW)
    return card_of(orjson.dumps(card_message(answered_card(one, TERMS, attack))))


def told_requester(attack: str) -> dict[str, Any]:
    one = Posting(EventType.TICKET_REJECTED, attacked(attack, state=State.REJECTED), NOW)
    return card_of(orjson.dumps(outcome_message(one, TERMS)))


def listing(attack: str) -> dict[str, Any]:
    request = attacked(attack).draft.request
    card = listing_card("These wait for you:", [("ABC-DEF", f"{request.method} {request.path}")], PUBLIC_URL)
    return card_of(orjson.dumps(card_message(card)))


def alarm(attack: str) -> dict[str, Any]:
    review = attacked_review(attack, done=True)
    return card_of(
        alarm_envelope(Alarm(EventType.BREAKGLASS_REVIEWED, review, NOW), PUBLIC_URL, CardLimits())
    )


CARDS: Final[dict[str, Make]] = {
    "json": lambda text: posted(attacked(text), EventType.TICKET_CREATED, attacked_body(text, "json")),
    "form": lambda text: posted(
        attacked(text, "form"), EventType.TICKET_CREATED, attacked_body(text, "form")
    ),
    "text": lambda text: posted(
        attacked(text, "text"), EventType.TICKET_CREATED, attacked_body(text, "text")
    ),
    "ended": lambda text: posted(attacked(text, state=State.REVOKED), EventType.GRANT_REVOKED),
    "alarm": alarm,
    "bot": of_bot,
    "answered": answered,
    "told requester": told_requester,
    "listing": listing,
}


@pytest.fixture
async def renderer(chromium: Browser) -> AsyncIterator[CardRenderer]:
    drawing = await CardRenderer.on(chromium, width=PHONE)
    yield drawing
    await drawing.close()


def runs(node: object) -> list[str]:
    """Return the text of every TextRun of a card, in order."""
    match node:
        case {"type": "TextRun", "text": str(text)}:
            return [text]
        case dict():
            return [run for value in node.values() for run in runs(value)]
        case list():
            return [run for value in node for run in runs(value)]
        case _:
            return []


def problems(card: dict[str, Any], seen: Seen) -> list[str]:
    """Return what of a drawn card isn't as the card has it."""
    return [
        *(f"an element {tag}" for tag in sorted(seen.tags - PLAIN_TAGS)),
        *(f"a link {link[:200]}" for link in seen.links),
        *(f"fetched {address[:200]}" for address in seen.fetched),
        *(f"refused: {why}" for why in seen.refused),
        *(["not the card's text"] if list(seen.runs) != runs(card["body"]) else []),
        *(["runs out of the card"] if seen.overflows else []),
    ]


@pytest.mark.parametrize("kind", CARDS)
async def test_every_attack_stays_text(renderer: CardRenderer, kind: str) -> None:
    found: dict[str, list[str]] = {}
    cards = {name: CARDS[kind](attack) for name, attack in ATTACKS.items()}
    drawn = await renderer.draw_all(list(cards.values()))
    for (name, card), seen in zip(cards.items(), drawn, strict=True):
        if wrong := problems(card, seen):
            found[name] = wrong
    assert found == {}


async def test_what_is_drawn_is_the_text_itself(renderer: CardRenderer) -> None:
    attack = "[APPROVED](https://evil.example) **x** {{DATE(2020-01-01T00:00:00Z)}} \u202e"
    seen = await renderer.draw(CARDS["json"](attack))
    assert (
        "[APPROVED](https://evil.example) **x** { {DATE(2020-01-01T00:00:00Z)}} [U+202E]"
        in seen.words.replace(elements.BREAK, "")
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("link", "an element a"),
        ("bare link", "an element a"),
        ("image", "an element img"),
        ("bold", "an element strong"),
        ("heading", "an element h1"),
        ("table", "an element table"),
        ("code", "an element code"),
        ("numbered list", "an element ol"),
        ("quote", "an element blockquote"),
        ("date macro", "not the card's text"),
        ("mail link", "an element a"),
    ],
)
async def test_the_same_text_read_as_markdown_is_obeyed(
    renderer: CardRenderer, name: str, problem: str
) -> None:
    """The control: in a TextBlock, as it is, each of these becomes what it says."""
    text = ATTACKS[name]
    body = [own_words(text), {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]}]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": body}
    assert problem in problems(card, await renderer.draw(card))


async def test_lines_made_of_markdown_would_be_seen(
    renderer: CardRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a card like ours whose lines are TextBlocks has links and fetches pictures."""
    monkeypatch.setattr(elements, "_line", lambda line: own_words("".join(piece.text for piece in line)))
    link = CARDS["json"](ATTACKS["link"])
    assert "an element a" in problems(link, await renderer.draw(link))
    image = CARDS["json"](ATTACKS["image"])
    wrong = problems(image, await renderer.draw(image))
    assert "an element img" in wrong
    assert any(one.startswith("fetched https://evil.example/pixel.png") for one in wrong)


@pytest.mark.parametrize(
    ("module", "kind"), [(elements, "ended"), (bot_card, "answered"), (bot_card, "listing")]
)
async def test_without_breaks_a_long_path_runs_out_of_the_card(
    renderer: CardRenderer, monkeypatch: pytest.MonkeyPatch, module: ModuleType, kind: str
) -> None:
    """The control: where the end of a path can't be seen, it is approved unseen."""
    monkeypatch.setattr(module, "breakable", lambda text: text)
    drawn = CARDS[kind](ATTACKS["long word"])
    assert "runs out of the card" in problems(drawn, await renderer.draw(drawn))


def test_every_card_is_drawn_from_what_is_sent() -> None:
    assert json.dumps(CARDS["bot"](ATTACKS["link"])).count("Action.Execute") == 2
