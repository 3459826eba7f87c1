"""Where a ticket's cards are, and which presses of buttons have come in, in a real Redis."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis import card_book
from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.ticket import State, Ticket
from authz.services.card_ports import CARDS_MAX, Card
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import BODY, MINUTE, draft, vote

ROOM = Card("room", "card-1")
ODD = Card('["a", \x00 "b"]é', "\ue000 ref", "vote.recorded 2")


@pytest.fixture
def book(store: RedisTicketStore, settings: RedisSettings) -> RedisCardBook:
    return RedisCardBook(store, settings)


@pytest.fixture
async def ticket(store: RedisTicketStore) -> Ticket:
    return (await store.create(draft("/one"), BODY)).ticket


async def test_cards_are_kept_by_channel_told_of_and_forgotten(book: RedisCardBook, ticket: Ticket) -> None:
    await book.keep(ticket.id, "ops", ROOM)
    await book.keep(ticket.id, "ops", ODD)
    await book.keep(ticket.id, "ops2", replace(ROOM, reference="card-9"))
    await book.keep(ticket.id, "ops", replace(ROOM, told="vote.recorded 2"))
    assert set(await book.cards(ticket.id, "ops")) == {replace(ROOM, told="vote.recorded 2"), ODD}
    await book.forget(ticket.id, "ops", ROOM)
    assert await book.cards(ticket.id, "ops") == [ODD]
    assert [card.reference for card in await book.cards(ticket.id, "ops2")] == ["card-9"]


async def test_a_ticket_without_cards_has_none(book: RedisCardBook, ticket: Ticket) -> None:
    assert await book.cards(ticket.id, "ops") == []


async def test_the_cards_of_one_ticket_have_an_end(book: RedisCardBook, ticket: Ticket) -> None:
    for number in range(CARDS_MAX + 3):
        await book.keep(ticket.id, "ops", Card("room", f"card-{number}"))
    assert len(await book.cards(ticket.id, "ops")) == CARDS_MAX
    await book.keep(ticket.id, "ops", Card("room", "card-0", told="ticket.approved 2"))
    told = [card.told for card in await book.cards(ticket.id, "ops") if card.reference == "card-0"]
    assert told == ["ticket.approved 2"], "what is there can still be changed"


@pytest.mark.parametrize("decided", [False, True])
async def test_cards_are_known_for_as_long_as_their_ticket(
    store: RedisTicketStore, book: RedisCardBook, link: Link, ticket: Ticket, decided: bool
) -> None:
    """Also where it lives on for what it granted, and nobody touches the cards."""
    await book.keep(ticket.id, "ops", ROOM)
    if decided:
        await advance(link, 20 * MINUTE)
        assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    lives = cast("int", await link.command("PEXPIRETIME", KEYS.ticket(ticket.id)))
    kept = cast("int", await link.command("PEXPIRETIME", KEYS.cards(ticket.id)))
    assert kept >= lives > 0


async def test_one_of_many_equal_presses_is_the_first(book: RedisCardBook) -> None:
    firsts = await asyncio.gather(*(book.first("ops", "press-1") for _ in range(20)))
    assert sorted(firsts) == [False] * 19 + [True]


async def test_presses_are_told_apart_by_channel_and_id(book: RedisCardBook) -> None:
    presses = [("ops", "a"), ("ops", "b"), ("ops2", "a"), ("ops", "a\udcff"), ("o", "psa")]
    assert [await book.first(*press) for press in presses] == [True] * len(presses)
    assert [await book.first(*press) for press in presses] == [False] * len(presses)


async def test_a_press_whose_mark_was_written_though_the_answer_was_lost_is_the_first(
    book: RedisCardBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is sent again, and finds what it wrote itself."""
    monkeypatch.setattr(card_book, "token_hex", lambda _: "one try")
    assert await book.first("ops", "press-1")
    assert await book.first("ops", "press-1")
    monkeypatch.setattr(card_book, "token_hex", lambda _: "another press")
    assert not await book.first("ops", "press-1")


async def test_a_press_is_remembered_longer_than_a_chat_repeats_it_and_not_for_ever(
    book: RedisCardBook, link: Link
) -> None:
    await book.first("ops", "press-1")
    [name] = cast("list[bytes]", await link.command("KEYS", f"{KEYS.tag}callback:*"))
    assert cast("int", await link.command("PTTL", name)) > 13 * 24 * 60 * MINUTE


async def test_where_tickets_live_for_long_so_do_the_marks_of_presses(
    store: RedisTicketStore, settings: RedisSettings, link: Link
) -> None:
    """A press has to count once for as long as there is something that it could decide."""
    longest = 100 * 24 * 60 * MINUTE
    await RedisCardBook(store, replace(settings, longest_life_ms=longest)).first("ops", "press-1")
    [name] = cast("list[bytes]", await link.command("KEYS", f"{KEYS.tag}callback:*"))
    assert cast("int", await link.command("PTTL", name)) > longest


async def test_what_no_release_wrote_is_named(book: RedisCardBook, link: Link, ticket: Ticket) -> None:
    await book.keep(ticket.id, "ops", ROOM)
    await link.command("HSET", KEYS.cards(ticket.id), "ops odd", "[1")
    with pytest.raises(RecordUnreadable, match="place of a card"):
        await book.cards(ticket.id, "ops")


async def test_an_id_that_is_no_tickets_is_the_callers_mistake(book: RedisCardBook) -> None:
    with pytest.raises(ValueError, match="is not a ticket"):
        await book.cards("nonsense", "ops")
