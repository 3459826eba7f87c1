"""One card is made true at once, where no event will come that does it."""

from __future__ import annotations

import pytest

from authz.domain.events import EventType
from authz.domain.ticket import State
from authz.services import living_cards
from authz.services.ports import DeliveryDelayed
from tests.support.sample_tickets import CREATED_AT, approved, ended, ticket
from tests.unit.living_cards.chat import Book, Chat, Notifier, Shelf

PENDING = ticket()
DONE = approved(PENDING)
USED = ended(DONE, State.USED_UP)


@pytest.fixture
async def console() -> Notifier:
    """A card of a pending ticket, which was approved meanwhile; nobody told of it."""
    made = Notifier(Chat(), Book(), Shelf(PENDING, CREATED_AT))
    await made.tell(EventType.TICKET_CREATED)
    made.shelf.ticket = DONE
    return made


async def test_it_says_what_is_true_now_and_nothing_is_told_below_it(console: Notifier) -> None:
    await console.cards.mend(PENDING.id, "room", "room-1")
    assert console.chat.shown == {"room-1": (DONE.rev, State.APPROVED)}
    assert console.chat.below == {}


async def test_it_goes_on_while_others_change_the_ticket(
    console: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def used() -> None:
        console.shelf.ticket = USED

    console.chat.before_update = used
    await console.cards.mend(PENDING.id, "room", "room-1")
    assert console.chat.shown["room-1"] == (USED.rev, State.USED_UP)
    console.shelf.ticket = DONE
    monkeypatch.setattr(living_cards, "_same", lambda *_: True)
    await console.cards.mend(PENDING.id, "room", "room-1")
    assert console.chat.shown["room-1"][1] is State.APPROVED, (
        "the control: without the second look it is late"
    )


async def test_a_card_that_is_gone_is_the_notifiers_to_forget(console: Notifier) -> None:
    """The part that hears of presses has no right to."""
    console.chat.shown.clear()
    await console.cards.mend(PENDING.id, "room", "room-1")
    assert len(console.book.kept) == 1
    await console.cards.mend("0-" + "a" * 26, "room", "room-1")


async def test_a_busy_chat_is_told_to_the_caller(console: Notifier) -> None:
    console.chat.broken["room"] = DeliveryDelayed("busy", 3)
    with pytest.raises(DeliveryDelayed):
        await console.cards.mend(PENDING.id, "room", "room-1")
