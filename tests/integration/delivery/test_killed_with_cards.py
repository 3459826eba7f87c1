"""A notifier of cards that are changed in place is killed with SIGKILL at the worst moments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import pytest

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.ticket import State
from tests.integration.delivery.card_notifier import BELOW, Chat, Plan, process
from tests.integration.delivery.conftest import LEASE_MS, all_settled, waiting
from tests.integration.delivery.notifier import heard
from tests.support.sample_tickets import draft, vote

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

Planned = Callable[..., Plan]


@pytest.fixture
def plan(settings: RedisSettings) -> Planned:
    def planned(consumer: str, stall: str = "", broken: str = "", storm: int = 0) -> Plan:
        return Plan(settings.url, consumer, LEASE_MS, stall, broken, storm)

    return planned


@pytest.fixture
async def link(settings: RedisSettings) -> AsyncIterator[Link]:
    link = Link(settings.url, 2, 3000)
    yield link
    await link.aclose()


@pytest.fixture
def chat(link: Link) -> Chat:
    return Chat(link)


async def after_a_kill(store: RedisTicketStore, plan: Planned, stall: str, broken: str = "") -> None:
    """Have a notifier killed at a place while it tells of a new ticket, and another one do the rest."""
    async with process(plan("first", stall, broken)) as first:
        await store.create(draft())
        assert await heard(first) == stall
        first.kill()
        await first.wait()
    async with process(plan("second", "", broken)):
        await all_settled(store)


async def decide(store: RedisTicketStore) -> None:
    """Reject the ticket, which can be done once."""
    assert await store.vote(draft().id, 1, [vote()], State.REJECTED, {})
    assert await store.vote(draft().id, 1, [vote()], State.APPROVED, {}) is None


async def decided(store: RedisTicketStore, chat: Chat, plan: Planned) -> Mapping[str, str]:
    """Return what every card says after a decision."""
    await decide(store)
    async with process(plan("third")):
        await all_settled(store)
    events = await store.events("0", 100, 0)
    assert [event.type for event in events].count(EventType.TICKET_REJECTED) == 1
    return await chat.shown()


@pytest.mark.parametrize("stall", ["posting", "noted"])
async def test_killed_before_the_post_or_after_the_note_there_is_one_card(
    store: RedisTicketStore, chat: Chat, plan: Planned, stall: str
) -> None:
    """Fault row 4, and row 3 for a chat whose answer was noted."""
    await after_a_kill(store, plan, stall)
    assert await chat.shown() == {"card-1": "pending"}
    assert await decided(store, chat, plan) == {"card-1": "rejected"}


async def test_killed_between_the_answer_and_the_note_there_are_two_cards_at_most(
    store: RedisTicketStore, chat: Chat, plan: Planned
) -> None:
    """Fault row 3: nothing lost, and a decision counts once. A press on the card that nobody knows of finds it."""
    await after_a_kill(store, plan, "posted")
    assert await chat.shown() == {"card-1": "pending", "card-2": "pending"}
    assert (await decided(store, chat, plan))["card-2"] == "rejected"


async def test_killed_while_it_changes_the_card_another_one_does(
    store: RedisTicketStore, chat: Chat, plan: Planned, link: Link
) -> None:
    async with process(plan("zeroth")):
        await store.create(draft())
        await all_settled(store)
    async with process(plan("first", "changing")) as first:
        await decide(store)
        assert await heard(first) == "changing"
        first.kill()
        await first.wait()
    assert await chat.shown() == {"card-1": "pending"}
    async with process(plan("second")):
        await all_settled(store)
    assert await chat.shown() == {"card-1": "rejected"}
    below = cast("list[bytes]", await link.command("LRANGE", BELOW, 0, -1))
    assert sorted(below) == [b"card-1 ticket.rejected", b"card-1 vote.recorded"]


async def test_acknowledging_first_would_lose_the_card(
    store: RedisTicketStore, chat: Chat, plan: Planned
) -> None:
    """Control of row 4."""
    async with process(plan("first", "posting", "careless")) as first:
        await store.create(draft())
        assert await heard(first) == "posting"
        first.kill()
        await first.wait()
    assert await waiting(store) == 0
    assert await chat.shown() == {}


async def test_without_the_note_there_would_be_another_card_each_time_and_none_that_tells_the_outcome(
    store: RedisTicketStore, chat: Chat, plan: Planned
) -> None:
    """Control of row 3."""
    await after_a_kill(store, plan, "noted", "bookless")
    assert await chat.shown() == {"card-1": "pending", "card-2": "pending"}
    assert set((await decided(store, chat, plan)).values()) == {"pending"}


async def test_of_two_notifiers_that_live_one_posts_the_card(
    store: RedisTicketStore, chat: Chat, plan: Planned
) -> None:
    async with process(plan("first")), process(plan("second")):
        for number in range(5):
            await store.create(draft(number))
        await all_settled(store)
    assert await chat.shown() == {f"card-{number}": "pending" for number in range(1, 6)}


@pytest.mark.parametrize("broken", ["", "careless"])
async def test_a_storm_told_by_several_of_whom_one_is_killed_loses_nothing(
    store: RedisTicketStore, chat: Chat, plan: Planned, broken: str
) -> None:
    """`careless` is the control: with the acknowledgement first, what the killed one had is counted by nobody."""
    async with process(plan("first", "digesting", broken, storm=2)) as first:
        for number in range(12):
            await store.create(draft(number))
        assert await heard(first) == "digesting"
        if broken:
            await all_settled(store)  # as it says
        async with process(plan("second", storm=2)):
            first.kill()
            await first.wait()
            await nothing_waits(store)
    shown = await chat.shown()
    digests = {name: text for name, text in shown.items() if name.startswith("digest")}
    assert len(shown) - len(digests) == 2
    if broken:
        assert digests == {}
    else:
        assert list(digests.values()) == ["10"]


async def nothing_waits(store: RedisTicketStore) -> None:
    """Wait until nothing is in the outbox and nothing comes back to it."""
    while True:
        await all_settled(store)
        if not await store.link.command("ZCARD", Keys.of(0).retry):
            break
        await asyncio.sleep(0.02)
    await all_settled(store)
