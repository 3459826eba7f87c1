"""Cards that are changed in place say what is true in the end, whoever tells of it, in whatever order, and who dies."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.domain.ticket import State
from authz.services import living_cards
from authz.services.card_ports import PLACES_MAX, Card, PersonUnreachable
from authz.services.living_cards import ROUNDS_MAX, LivingCards
from authz.services.ports import Alarm, ChannelFailed, DeliveryDelayed, DeliveryRefused, Posting
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, approved, ended, ticket, vote
from tests.unit.living_cards.chat import Book, Chat, Notifier, Shelf

CREATED, VOTED, APPROVED = EventType.TICKET_CREATED, EventType.VOTE_RECORDED, EventType.TICKET_APPROVED
PENDING = ticket()
ONE_VOTE = replace(PENDING, rev=2, votes=(vote(),))
DONE = approved(replace(PENDING, rev=2))
TRUE_NOW = (DONE.rev, State.APPROVED)


@pytest.fixture
def notifier() -> Notifier:
    return Notifier(Chat(), Book(), Shelf(PENDING, CREATED_AT))


async def test_a_new_ticket_gets_a_card_in_each_place_and_later_events_change_it(notifier: Notifier) -> None:
    notifier.chat.where = ("room", "bob", "room")
    assert await notifier.tell(CREATED) == "2 cards"
    notifier.shelf.ticket = DONE
    assert await notifier.tell(APPROVED) == "2 cards"
    assert notifier.chat.shown == {"room-1": TRUE_NOW, "bob-2": TRUE_NOW}
    assert notifier.chat.below == {"room-1": [APPROVED], "bob-2": [APPROVED]}


async def test_a_new_ticket_told_of_again_gets_no_second_card(notifier: Notifier) -> None:
    await notifier.tell(CREATED)
    await notifier.tell(CREATED)
    assert list(notifier.chat.shown) == ["room-1"]
    assert not notifier.chat.below


async def test_without_the_book_it_would_get_one(notifier: Notifier) -> None:
    """The control of the test above."""
    await notifier.tell(CREATED)
    notifier.book.kept.clear()
    await notifier.tell(CREATED)
    assert list(notifier.chat.shown) == ["room-1", "room-2"]


async def test_a_crash_after_the_post_makes_one_card_more_and_no_third(notifier: Notifier) -> None:
    async def die() -> None:
        raise asyncio.CancelledError

    notifier.chat.after_post = die
    with pytest.raises(asyncio.CancelledError):
        await notifier.tell(CREATED)
    another = Notifier(Chat(shown=notifier.chat.shown, number=1), notifier.book, notifier.shelf)
    await another.tell(CREATED)
    await another.tell(CREATED)
    assert list(another.chat.shown) == ["room-1", "room-2"]


async def test_a_card_that_nobody_knew_is_changed_once_somebody_pressed_its_button(
    notifier: Notifier,
) -> None:
    await notifier.tell(CREATED)
    notifier.book.lose()
    await notifier.tell(CREATED)
    assert list(notifier.chat.shown) == ["room-1", "room-2"]
    for _ in range(2):
        await notifier.cards.adopt(PENDING.id, "room", "room-1")
    notifier.shelf.ticket = DONE
    assert await notifier.tell(APPROVED) == "2 cards"
    assert notifier.chat.shown == {"room-1": TRUE_NOW, "room-2": TRUE_NOW}


@pytest.mark.parametrize("begun", [False, True])
async def test_another_message_of_ours_is_never_changed_into_this_card(
    notifier: Notifier, begun: bool
) -> None:
    """Who presses says which message it was. The control is a ticket with a card that was begun and never noted."""
    await notifier.tell(CREATED)
    notifier.chat.shown["alarm-7"] = (1, State.PENDING)
    if begun:
        await notifier.book.keep(PENDING.id, "ops", Card("room", ""))
    notifier.shelf.ticket = DONE
    await notifier.cards.adopt(PENDING.id, "room", "alarm-7")
    await notifier.cards.mend(PENDING.id, "room", "alarm-7")
    await notifier.tell(APPROVED)
    assert (notifier.chat.shown["alarm-7"] == TRUE_NOW) is begun


async def test_what_was_begun_is_found_once(notifier: Notifier) -> None:
    await notifier.tell(CREATED)
    notifier.book.lose()
    for reference in ("room-1", "alarm-7"):
        await notifier.cards.adopt(PENDING.id, "room", reference)
    assert [card.reference for card in notifier.book.kept.values()] == ["room-1"]


@pytest.mark.parametrize(
    ("failure", "left"),
    [
        (DeliveryRefused("no such room"), False),
        (DeliveryDelayed("paused", tried=False), False),
        (DeliveryDelayed("no answer in 15 s"), True),
    ],
)
async def test_a_card_may_be_there_only_where_the_chat_was_asked_and_did_not_answer(
    notifier: Notifier, failure: ChannelFailed, left: bool
) -> None:
    notifier.chat.broken["room"] = failure
    with pytest.raises(type(failure)):
        await notifier.tell(CREATED)
    assert (Card("room", "") in notifier.book.kept.values()) is left


async def test_somebody_who_can_not_be_written_to_keeps_nobody_from_being_told(notifier: Notifier) -> None:
    """They were asked by name, and the room says so. A refusal of the room itself is told."""
    notifier.chat.where = ("room", "bob")
    notifier.chat.broken["bob"] = PersonUnreachable("they removed the app")
    assert await notifier.tell(CREATED) == "1 cards"
    notifier.chat.broken["bob"] = DeliveryRefused("they removed the app")
    with pytest.raises(DeliveryRefused):
        await notifier.tell(CREATED)


async def test_a_card_posted_while_the_ticket_was_decided_says_so(notifier: Notifier) -> None:
    """The other notifier found no card to change: this one was being posted."""

    async def decided_meanwhile() -> None:
        notifier.shelf.ticket = DONE
        notifier.chat.after_post = Chat().after_post
        await notifier.tell(APPROVED)

    notifier.chat.after_post = decided_meanwhile
    await notifier.tell(CREATED)
    assert notifier.chat.shown == {"room-1": TRUE_NOW}


async def test_a_late_change_is_not_the_last_word(notifier: Notifier) -> None:
    """The one notifier has read the ticket, the other changes the card for what came after, then the one does."""
    await notifier.tell(CREATED)
    notifier.shelf.ticket = ONE_VOTE
    late = notifier.shelf.posting(VOTED)

    async def overtaken() -> None:
        notifier.chat.before_update = Chat().before_update
        notifier.shelf.ticket = DONE
        await notifier.tell(APPROVED)

    notifier.chat.before_update = overtaken
    await notifier.cards.send(late)
    assert notifier.chat.shown == {"room-1": TRUE_NOW}


@pytest.mark.parametrize("race", ["posted", "changed"])
async def test_without_the_second_look_the_card_would_lie(
    notifier: Notifier, race: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the two tests above."""
    monkeypatch.setattr(living_cards, "ROUNDS_MAX", 0)

    async def decided() -> None:
        notifier.chat.after_post = notifier.chat.before_update = Chat().after_post
        notifier.shelf.ticket = DONE
        await notifier.tell(APPROVED)

    if race == "posted":
        notifier.chat.after_post = decided
        await notifier.tell(CREATED)
    else:
        await notifier.tell(CREATED)
        late = notifier.shelf.posting(VOTED)
        notifier.chat.before_update = decided
        await notifier.cards.send(late)
    assert notifier.chat.shown == {"room-1": (1, State.PENDING)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_in_whatever_order_notifiers_tell_of_it_the_card_is_right_in_the_end(
    notifier: Notifier, order: tuple[int, ...]
) -> None:
    """Each takes one event, and they run at once, each call to the chat giving way to the others."""

    async def give_way() -> None:
        await asyncio.sleep(0)

    notifier.chat.after_post = notifier.chat.before_update = give_way
    states = [(CREATED, PENDING), (VOTED, ONE_VOTE), (APPROVED, replace(DONE, rev=3))]
    running = []
    for number in order:
        kind, then = states[number]
        posting = Posting(kind, then, CREATED_AT, rev=then.rev)
        running.append(asyncio.create_task(notifier.cards.send(posting)))
        await asyncio.sleep(0)
    notifier.shelf.ticket = states[-1][1]
    await asyncio.gather(*running)
    assert set(notifier.chat.shown.values()) == {(3, State.APPROVED)}


async def test_a_ticket_that_others_keep_changing_is_left_to_them(notifier: Notifier) -> None:
    await notifier.tell(CREATED)

    async def changed_again() -> None:
        notifier.shelf.ticket = replace(notifier.shelf.ticket, rev=notifier.shelf.ticket.rev + 1)

    notifier.chat.before_update = changed_again
    before = len(notifier.chat.calls)
    await notifier.tell(VOTED)
    updates = [call for call in notifier.chat.calls[before:] if call.startswith("update")]
    assert len(updates) == 1 + ROUNDS_MAX


async def test_what_expired_by_the_clock_while_it_was_posted_is_shown_expired(notifier: Notifier) -> None:
    """No script has written it yet, so the revision is the same."""

    async def time_passes() -> None:
        notifier.shelf.now = PENDING.expires_at

    notifier.chat.after_post = time_passes
    await notifier.tell(CREATED)
    assert notifier.chat.shown == {"room-1": (1, State.EXPIRED)}


async def test_a_deleted_card_is_forgotten_and_not_posted_again(notifier: Notifier) -> None:
    await notifier.tell(CREATED)
    del notifier.chat.shown["room-1"]
    notifier.shelf.ticket = DONE
    assert await notifier.tell(APPROVED) == "0 cards"
    assert notifier.book.kept == {}


async def test_a_card_deleted_before_its_follow_up_is_forgotten(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notifier.tell(CREATED)

    async def deleted(card: Card, posting: Posting) -> None:
        notifier.chat.calls.append(f"update {card.reference} {posting.rev}")
        del notifier.chat.shown[card.reference]

    monkeypatch.setattr(notifier.chat, "update", deleted)
    notifier.shelf.ticket = DONE
    assert await notifier.tell(APPROVED) == "0 cards"
    assert notifier.book.kept == {}


async def test_an_event_is_told_below_a_card_once(notifier: Notifier) -> None:
    """A place that fails has the others tried again with it, and they had it already."""
    notifier.chat.where = ("room", "bob")
    await notifier.tell(CREATED)
    notifier.shelf.ticket = DONE
    notifier.chat.broken["bob"] = DeliveryDelayed("busy", 3.0)
    with pytest.raises(DeliveryDelayed, match="busy"):
        await notifier.tell(APPROVED)
    notifier.chat.broken.clear()
    await notifier.tell(APPROVED)
    assert notifier.chat.below == {"room-1": [APPROVED], "bob-2": [APPROVED]}


async def test_one_place_that_fails_keeps_no_other_from_its_card(notifier: Notifier) -> None:
    notifier.chat.where = ("gone", "busy", "busier", "room")
    notifier.chat.broken = {
        "gone": DeliveryRefused("no such room"),
        "busy": DeliveryDelayed("busy", 3.0, tried=False),
        "busier": DeliveryDelayed("busier", 9.0),
    }
    with pytest.raises(DeliveryDelayed, match="busier") as raised:
        await notifier.tell(CREATED)
    assert (raised.value.after_s, raised.value.tried) == (9.0, True)
    assert list(notifier.chat.shown) == ["room-1"]
    notifier.chat.broken = {}
    assert await notifier.tell(CREATED) == "4 cards"
    assert len(notifier.chat.shown) == 4


async def test_nothing_counts_as_tried_where_every_place_asked_for_a_pause(notifier: Notifier) -> None:
    notifier.chat.broken["room"] = DeliveryDelayed("paused", 5.0, tried=False)
    with pytest.raises(DeliveryDelayed) as raised:
        await notifier.tell(CREATED)
    assert not raised.value.tried


async def test_a_refusal_alone_stays_one(notifier: Notifier) -> None:
    notifier.chat.broken["room"] = DeliveryRefused("no such room")
    with pytest.raises(DeliveryRefused, match="no such room"):
        await notifier.tell(CREATED)


async def test_the_places_of_one_ticket_have_an_end(notifier: Notifier) -> None:
    notifier.chat.where = [f"person{number}" for number in range(PLACES_MAX + 5)]
    assert await notifier.tell(CREATED) == f"{PLACES_MAX} cards"


async def test_who_is_told_later_gets_a_card_then(notifier: Notifier) -> None:
    """An escalation leads to a chat that had no card; where it leads to one that has, that one is followed up."""
    assert await notifier.tell(EventType.TICKET_ESCALATED) == "1 cards"
    assert notifier.chat.shown == {"room-1": (1, State.PENDING)}
    await notifier.tell(EventType.TICKET_ESCALATED, rev=2)
    assert notifier.chat.below == {"room-1": [EventType.TICKET_ESCALATED]}


async def test_an_escalation_to_others_is_told_below_the_cards_that_are_there(notifier: Notifier) -> None:
    """Where there is none it makes none: nobody here is asked."""
    elsewhere = replace(notifier.shelf.posting(EventType.TICKET_ESCALATED), elsewhere=True)
    assert await notifier.cards.send(elsewhere) == "", "the chat wasn't asked"
    await notifier.tell(CREATED)
    await notifier.cards.send(elsewhere)
    assert notifier.chat.below == {"room-1": [EventType.TICKET_ESCALATED]}


async def test_the_body_is_shown_for_as_long_as_it_can_be_decided(notifier: Notifier) -> None:
    notifier.shelf.text = b'{"why": "cleanup"}'
    await notifier.tell(CREATED)
    notifier.shelf.ticket = ONE_VOTE
    await notifier.tell(VOTED)
    notifier.shelf.ticket = ended(PENDING, State.REJECTED)
    await notifier.tell(EventType.TICKET_REJECTED)
    assert notifier.chat.bodies == [notifier.shelf.text, notifier.shelf.text, None]


async def test_a_ticket_that_is_gone_leaves_its_cards_as_they_are(notifier: Notifier) -> None:
    posting = notifier.shelf.posting(CREATED)
    notifier.shelf.ticket = ticket(9)
    assert await notifier.cards.send(posting) == "1 cards"


async def test_alarms_and_private_words_are_the_chats(notifier: Notifier) -> None:
    cards: LivingCards = notifier.cards
    assert cards.events == frozenset(EventType)
    used = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    assert await cards.alarm(Alarm(EventType.BREAKGLASS_USED, used, CREATED_AT, 2)) == "alarm 2"
    person = Person("alice", "alice", frozenset(), "test")
    assert await cards.tell(person, notifier.shelf.posting(APPROVED)) == "told alice"
