"""A channel that posts to several rooms, of which one is gone, busy or slow: no other room is told twice, or late."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping

import pytest

from authz.adapters.teams_bot import announcing
from authz.adapters.teams_bot.every_room import Outcome, in_every
from authz.adapters.teams_bot.poster import Rooms, TeamsPoster
from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.services.card_ports import CardGone
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused
from authz.services.storm import StormSettings
from tests.integration.teams_bot.world import World
from tests.support.sample_reviews import review_draft
from tests.support.teams_rooms import Message, Room

Write = Callable[[str], Awaitable[str]]


class TwoRooms:
    """A poster to a healthy room and to another one, which does `sick` before it takes a message."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.healthy, self.other = world.room, world.vendor.channel()
        self.healthy.bot_in = self.other.bot_in = True
        self.sick: Callable[[], Awaitable[None]] | None = None
        rooms = Rooms((self.other.id, self.healthy.id), world.vendor.service_url)
        self.poster = TeamsPoster(self, world.conversations, rooms, world.terms)
        self.now = world.store.now

    async def post(self, service_url: str, conversation: str, activity: Mapping[str, object]) -> str:
        await self._be_sick(conversation)
        return await self.world.connector.post(service_url, conversation, activity)

    async def update(
        self, service_url: str, conversation: str, activity_id: str, activity: Mapping[str, object]
    ) -> None:
        await self._be_sick(conversation)
        await self.world.connector.update(service_url, conversation, activity_id, activity)

    async def reply(
        self, service_url: str, conversation: str, activity_id: str, activity: Mapping[str, object]
    ) -> str:
        return await self.world.connector.reply(service_url, conversation, activity_id, activity)

    async def open_personal(self, service_url: str, tenant: str, user_id: str) -> str:
        return await self.world.connector.open_personal(service_url, tenant, user_id)

    async def count(self, waiting: int, reference: str, *, moved: bool = False) -> str:
        return await self.poster.digest(Digest(waiting, waiting, self.now, self.now, moved=moved), reference)

    async def raise_alarm(self) -> str:
        used = Review(review_draft(), self.now, self.now + 1000)
        return await self.poster.alarm(Alarm(EventType.BREAKGLASS_USED, used, self.now))

    def of(self, room: Room) -> list[Message]:
        return self.world.vendor.messages(room)

    async def _be_sick(self, conversation: str) -> None:
        if self.sick is not None and conversation == self.other.id:
            await self.sick()


@pytest.fixture
def rooms(world: World) -> TwoRooms:
    return TwoRooms(world)


async def busy() -> None:
    raise DeliveryDelayed("503")


async def one_after_the_other(
    rooms: Collection[str], write: Write, _within_s: float | None = None
) -> Outcome:
    """Do what keeps rooms waiting for each other: the first failure is the end."""
    return Outcome({room: await write(room) for room in reversed(list(rooms))}, {})


async def test_a_room_that_is_gone_costs_the_others_no_second_digest(rooms: TwoRooms) -> None:
    rooms.other.bot_in = False
    reference = ""
    for waiting in (1, 2, 3):
        reference = await rooms.count(waiting, reference)
    (message,) = rooms.of(rooms.healthy)
    assert message.edits == 2
    assert reference == f"{rooms.healthy.id}={message.id}"


async def test_control_where_the_first_failure_is_the_end_each_ticket_posts_a_digest(
    rooms: TwoRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "in_every", one_after_the_other)
    rooms.other.bot_in = False
    for waiting in (1, 2, 3):
        with pytest.raises(DeliveryRefused):
            await rooms.count(waiting, "")
    assert len(rooms.of(rooms.healthy)) == 3


async def test_a_room_that_took_no_digest_gets_it_a_while_later(rooms: TwoRooms) -> None:
    rooms.sick = busy
    reference = await rooms.count(1, "")
    rooms.sick = None
    rooms.now += announcing.AGAIN_MS - 1
    reference = await rooms.count(2, reference)
    assert not rooms.of(rooms.other)
    rooms.now += 1
    reference = await rooms.count(3, reference)
    reference = await rooms.count(4, reference)
    assert [message.edits for message in rooms.of(rooms.other)] == [1]
    assert [message.edits for message in rooms.of(rooms.healthy)] == [3]


async def test_a_digest_that_was_deleted_is_posted_anew_in_its_room_alone(rooms: TwoRooms) -> None:
    reference = await rooms.count(1, "")
    rooms.world.vendor.delete(rooms.of(rooms.other)[0])
    for waiting in (2, 3):
        reference = await rooms.count(waiting, reference)
    assert [message.edits for message in rooms.of(rooms.other)] == [1]
    assert [message.edits for message in rooms.of(rooms.healthy)] == [2]


async def test_a_digest_that_moved_on_is_posted_nowhere_anew(rooms: TwoRooms) -> None:
    reference = await rooms.count(1, "")
    for room in (rooms.other, rooms.healthy):
        rooms.world.vendor.delete(rooms.of(room)[0])
    with pytest.raises(CardGone):
        await rooms.count(2, reference, moved=True)
    assert not rooms.of(rooms.other) + rooms.of(rooms.healthy)


async def test_a_digest_that_cannot_be_changed_now_is_changed_the_next_time(rooms: TwoRooms) -> None:
    reference = await rooms.count(1, "")
    rooms.sick = busy
    assert await rooms.count(2, reference) == reference
    rooms.sick = None
    assert await rooms.count(3, reference) == reference
    assert [message.edits for message in rooms.of(rooms.other)] == [1]
    assert [message.edits for message in rooms.of(rooms.healthy)] == [2]


async def test_a_digest_that_no_room_took_is_a_failure_that_names_the_rooms(rooms: TwoRooms) -> None:
    rooms.healthy.bot_in = False
    rooms.sick = busy
    with pytest.raises(DeliveryDelayed) as failed:
        await rooms.count(1, "")
    assert all(room.id in str(failed.value) for room in (rooms.healthy, rooms.other))
    rooms.sick, rooms.other.bot_in = None, False
    with pytest.raises(DeliveryRefused):
        await rooms.count(1, "")


async def test_a_turn_of_a_storm_ends_before_it_is_taken_for_dead(
    rooms: TwoRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[float | None] = []

    async def noted(of: Collection[str], write: Write, within_s: float | None = None) -> Outcome:
        bounds.extend([within_s] if of else [])
        return await in_every(of, write, within_s)

    monkeypatch.setattr(announcing, "in_every", noted)
    reference = await rooms.count(1, "")
    bounds.clear()
    await rooms.count(1, reference, moved=True)  # what is left behind
    rooms.world.vendor.delete(rooms.of(rooms.other)[0])
    await rooms.count(2, reference)  # what counts on, and is posted anew in one room
    assert len(bounds) == 3
    assert sum(bound or math.inf for bound in bounds) * 1000 < StormSettings().claim_ms


async def test_the_rooms_are_written_to_at_the_same_time(
    rooms: TwoRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()
    real = rooms.world.connector.post

    async def post(service_url: str, conversation: str, activity: Mapping[str, object]) -> str:
        identifier = await real(service_url, conversation, activity)
        if conversation == rooms.healthy.id:
            told.set()
        return identifier

    async def until_the_other_is_told() -> None:
        await told.wait()

    monkeypatch.setattr(rooms.world.connector, "post", post)
    rooms.sick = until_the_other_is_told  # though it is the first in the settings
    async with asyncio.timeout(20):
        await rooms.raise_alarm()
    assert len(rooms.of(rooms.other)) == len(rooms.of(rooms.healthy)) == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_an_alarm_is_repeated_only_where_it_was_not_taken(
    rooms: TwoRooms, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(announcing, "ALARMS_MAX", 0)
    rooms.sick = busy
    for _ in range(3):
        with pytest.raises(DeliveryDelayed, match=rooms.other.id):
            await rooms.raise_alarm()
    assert (len(rooms.of(rooms.healthy)) == 1) is guarded
    rooms.sick = None
    receipt = await rooms.raise_alarm()
    assert len(rooms.of(rooms.other)) == 1
    assert (len(rooms.of(rooms.healthy)) == 1) is guarded
    assert receipt.split() == [rooms.of(room)[-1].id for room in (rooms.other, rooms.healthy)]
