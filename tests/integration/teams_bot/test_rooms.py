"""Where cards are posted, who is told in private, and what the bot remembers of where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.responses import JSONResponse

from authz.domain.break_glass import Review
from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.token import short_code
from authz.services.card_ports import PersonUnreachable
from authz.services.conversations import Conversation, ConversationKind, personal_key
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting
from authz.services.voting import SignedIn
from tests.integration.teams_bot.world import World, has_buttons, sentence_of
from tests.support.bot_framework_tokens import FORGERIES
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import draft


async def test_a_card_goes_to_the_room_of_the_settings_before_the_bot_heard_from_it(world: World) -> None:
    world.room.bot_in = True
    held = await world.hold()
    assert [message.room for message in world.messages_of(held)] == [world.room]


async def test_who_is_asked_by_name_is_mentioned_in_the_room_and_gets_a_card_in_private(world: World) -> None:
    bob = world.vendor.member("bob")
    personal = world.vendor.personal(bob)
    await world.teams.install(world.room, world.vendor.member("carol"))
    await world.teams.install(personal, bob)
    await world.store.create(draft(), b"")
    await world.tell("bob")
    (held,) = world.store.tickets.values()
    in_room, in_private = world.messages_of(held)
    assert (in_room.room, in_private.room) == (world.room, personal)
    assert in_room.card["msteams"]["entities"][0]["mentioned"]["id"] == bob.aad
    answer = await world.press(in_private, "bob")
    assert sentence_of(answer) == "Your approval was recorded."
    await world.tell()
    assert not has_buttons(in_room.card)
    assert not has_buttons(in_private.card)


async def test_a_personal_chat_is_opened_for_whom_the_app_is_installed(world: World) -> None:
    bob = world.vendor.member("bob")
    personal = world.vendor.personal(bob, bot_in=True)
    world.room.bot_in = True
    await world.store.create(draft(), b"")
    await world.tell("bob")
    assert len(world.vendor.cards(personal)) == 1
    assert (await world.conversations.personal(world.vendor.tenant, bob.aad)) is not None


async def test_whom_the_bot_cannot_write_to_keeps_nobody_else_from_being_told(world: World) -> None:
    world.room.bot_in = True
    await world.store.create(draft(), b"")
    await world.tell("bob")  # has no personal chat with the bot
    assert len(world.vendor.cards(world.room)) == 1


async def test_somebody_who_left_meanwhile_is_unreachable_and_forgotten(world: World) -> None:
    bob = world.vendor.member("bob")
    personal = world.vendor.personal(bob)
    await world.teams.install(personal, bob)
    personal.bot_in = False  # and the vendor has not told yet
    created = await world.store.create(draft(), b"")
    posting = Posting(EventType.TICKET_CREATED, created.ticket, created.now, b"")
    with pytest.raises(PersonUnreachable):
        await world.poster.post(f"person {bob.aad}", posting)
    assert await world.conversations.personal(world.vendor.tenant, bob.aad) is None


async def test_a_personal_chat_that_ended_unheard_costs_nobody_a_card(world: World) -> None:
    bob = world.vendor.member("bob")
    world.room.bot_in = True
    key = personal_key(world.vendor.tenant, bob.aad)
    where = (world.vendor.service_url, "a:gone", world.vendor.tenant)
    await world.conversations.keep(Conversation(key, *where, ConversationKind.PERSONAL, bob.aad))
    for number in range(2):
        await world.store.create(draft(number), b"")
        await world.tell("bob")
    assert len(world.vendor.cards(world.room)) == 2
    assert not world.conversations.kept


async def test_whom_the_vendor_cannot_reach_just_now_keeps_the_room_waiting_for_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.room.bot_in = True

    async def busy(*_: object) -> str:
        raise DeliveryDelayed("503")

    monkeypatch.setattr(world.connector, "open_personal", busy)
    created = await world.store.create(draft(), b"")
    people = (world.directory.known("bob"),)
    posting = Posting(EventType.TICKET_CREATED, created.ticket, created.now, b"", designated=people)
    with pytest.raises(DeliveryDelayed):  # for bob's card, which comes when they are reached
        await world.cards.send(posting)
    assert len(world.vendor.cards(world.room)) == 1
    monkeypatch.undo()
    personal = world.vendor.personal(world.vendor.member("bob"), bot_in=True)
    await world.cards.send(posting)
    assert [len(world.vendor.cards(room)) for room in (world.room, personal)] == [1, 1]


async def test_a_requester_who_left_unheard_is_forgotten(world: World) -> None:
    alice = world.vendor.member("alice")
    personal = world.vendor.personal(alice)
    await world.teams.install(personal, alice)
    personal.bot_in = False  # and the vendor has not told yet
    held, message = await world.posted()
    await world.press(message, "bob")
    loaded = await world.store.load(held.id)
    assert loaded is not None
    posting = Posting(EventType.TICKET_APPROVED, loaded.ticket, loaded.now)
    with pytest.raises(PersonUnreachable):
        await world.cards.tell(world.directory.known("alice"), posting)
    assert await world.conversations.personal(world.vendor.tenant, alice.aad) is None


async def test_a_copy_is_for_the_room_alone(world: World) -> None:
    await world.teams.install(world.vendor.personal(world.vendor.member("bob")), world.vendor.member("bob"))
    created = await world.store.create(draft(), b"")
    people = (world.directory.known("bob"),)
    posting = Posting(EventType.TICKET_CREATED, created.ticket, created.now, b"", designated=people)
    assert len(await world.poster.places(posting)) == 2
    assert await world.poster.places(replace(posting, copied=True)) == [f"room {world.room.id}"]


async def test_a_person_who_removed_the_app_gets_no_more_cards(world: World) -> None:
    bob = world.vendor.member("bob")
    personal = world.vendor.personal(bob)
    await world.teams.install(personal, bob)
    assert (await world.conversations.personal(world.vendor.tenant, bob.aad)) is not None
    await world.teams.uninstall(personal, bob)
    assert not world.conversations.kept


async def test_a_team_that_removed_the_app_is_forgotten(world: World) -> None:
    carol = world.vendor.member("carol")
    await world.teams.install(world.room, carol)
    assert list(world.conversations.kept) == [world.room.team]
    await world.teams.uninstall(world.room, carol)
    assert not world.conversations.kept


async def test_a_forged_installation_is_not_remembered(world: World) -> None:

    answers = await world.teams.install(
        world.room, world.vendor.member("mallory"), FORGERIES["a foreign tenant"]
    )
    assert {answer.status_code for answer in answers} == {401}
    assert not world.conversations.kept


async def test_the_vendor_tells_again_what_could_not_be_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def down(_key: str) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(world.conversations, "find", down)
    answers = await world.teams.install(world.room, world.vendor.member("carol"))
    assert {answer.status_code for answer in answers} == {503}


async def test_a_deleted_card_is_forgotten_and_the_others_go_on(world: World) -> None:
    held, message = await world.posted()
    world.vendor.delete(message)
    await world.voting.cancel(held.id, _alice(world), "")
    await world.tell()
    assert not await world.book.cards(held.id, "ops")


async def test_a_room_that_threw_the_bot_out_is_a_refusal_and_a_busy_one_a_delay(world: World) -> None:
    created = await world.store.create(draft(), b"")
    posting = Posting(EventType.TICKET_CREATED, created.ticket, created.now, b"")
    with pytest.raises(DeliveryRefused):
        await world.cards.send(posting)
    world.room.bot_in = True
    for _ in range(3):
        world.vendor.answers.append(JSONResponse({}, 503))
    with pytest.raises(DeliveryDelayed):
        await world.cards.send(posting)


async def test_the_requester_is_told_in_private_how_it_ended(world: World) -> None:
    alice = world.vendor.member("alice")
    personal = world.vendor.personal(alice)
    await world.teams.install(personal, alice)
    held, message = await world.posted()
    await world.press(message, "bob")
    loaded = await world.store.load(held.id)
    assert loaded is not None
    posting = Posting(EventType.TICKET_APPROVED, loaded.ticket, loaded.now)
    assert await world.cards.tell(world.directory.known("alice"), posting)
    (card,) = world.vendor.cards(personal)
    assert "Approved" in card["fallbackText"]
    assert not has_buttons(card)


async def test_somebody_without_an_account_here_is_not_told(world: World) -> None:
    held, _ = await world.posted()
    loaded = await world.store.load(held.id)
    assert loaded is not None
    stranger = world.directory.known("alice")

    posting = Posting(EventType.TICKET_APPROVED, loaded.ticket, loaded.now)
    assert await world.cards.tell(replace(stranger, accounts=()), posting) == ""


async def test_a_use_of_break_glass_is_told_in_the_room(world: World) -> None:
    world.room.bot_in = True
    used = Review(review_draft(), world.store.now, world.store.now + 1000)
    receipt = await world.cards.alarm(Alarm(EventType.BREAKGLASS_USED, used, world.store.now))
    (message,) = world.vendor.messages(world.room)
    assert message.id == receipt
    assert "Break-glass used" in message.card["fallbackText"]


async def test_a_digest_is_posted_once_and_counts_on_in_place(world: World) -> None:
    world.room.bot_in = True
    now = world.store.now
    reference = await world.cards.digest(Digest(12, 12, now, now), "")
    assert await world.cards.digest(Digest(3, 40, now, now), reference) == reference
    (message,) = world.vendor.messages(world.room)
    assert message.edits == 1


async def test_reminders_and_escalations_are_told_below_the_card(world: World) -> None:
    held, message = await world.posted()
    loaded = await world.store.load(held.id)
    assert loaded is not None
    for event in (EventType.TICKET_REMINDED, EventType.TICKET_ESCALATED):
        await world.cards.send(Posting(event, loaded.ticket, loaded.now, b"", rev=1))
    below = [one for one in world.vendor.messages(world.room) if one is not message]
    assert {one.root for one in below} == {message.id}
    assert all(short_code(held.id) in one.text for one in below)
    assert len(below) == 2


def _alice(world: World) -> SignedIn:
    identity = Identity(world.vendor.tenant, world.vendor.member("alice").aad)
    return SignedIn(identity, "alice", "oidc", world.store.now)
