"""Several channels of one app: whose card it is that was pressed."""

from __future__ import annotations

from typing import Any

from authz.adapters.slack.blocks import APPROVE
from authz.entrypoints.chat.slack_desk import DeskParts, Room, SlackDesk
from authz.services.card_ports import Card
from authz.services.chat_deciding import PressAnswer
from authz.services.living_cards import LivingCards
from authz.services.ports import Loaded
from tests.support import slack_people
from tests.support.sample_tickets import CREATED_AT, approved, ticket
from tests.support.slack_server import SlackServer
from tests.support.slack_state import TEAM, Message
from tests.unit.living_cards.chat import Book, Chat, Shelf
from tests.unit.slack.test_payload import CARD

HELD = approved(ticket())


class Decided:
    """Everything is decided already, and refused."""

    async def decide(self, _press: object) -> PressAnswer:
        return PressAnswer("late", "already-decided", Loaded(HELD, CREATED_AT))


class Silent:
    """A client that sends nothing."""

    async def call(self, _method: str, _arguments: object) -> dict[str, object]:
        return {}


async def pressed_in(channel: str, *channels: str) -> dict[str, list[tuple[str, str]]]:
    """Press a button in a channel; return which cards each room adopted."""
    books = {name: Book() for name in channels}
    for name, book in books.items():
        for place in (name, "U0BOB"):
            await book.keep(HELD.id, name, Card(place, ""))  # begun, and nobody noted which it is
    shelf = Shelf(HELD, CREATED_AT)
    rooms = [Room(name, name, LivingCards(name, Chat(), books[name], shelf)) for name in channels]
    unused: Any = None
    decided: Any = Decided()
    silent: Any = Silent()
    store: Any = shelf
    desk = SlackDesk(DeskParts(silent, TEAM, "https://holdgate.example", rooms, store, decided, unused))
    card = Message(channel, CARD.ts, "", CARD.blocks)
    await desk.press(slack_people.press(SlackServer(), "U0BOB", card, APPROVE))
    return {
        name: [(card.place, card.reference) for card in book.kept.values() if card.reference]
        for name, book in books.items()
    }


async def test_a_card_in_a_channel_is_of_the_room_of_that_channel() -> None:
    assert await pressed_in("C0TWO", "C0ONE", "C0TWO") == {
        "C0ONE": [],
        "C0TWO": [("C0TWO", f"C0TWO {CARD.ts}")],
    }


async def test_a_card_that_one_person_got_is_of_the_only_room_or_of_nobody() -> None:
    assert await pressed_in("D0BOB", "C0ONE") == {"C0ONE": [("U0BOB", f"D0BOB {CARD.ts}")]}
    assert await pressed_in("D0BOB", "C0ONE", "C0TWO") == {"C0ONE": [], "C0TWO": []}
