"""Conversations that a bot was let into: kept until it is removed, so many at most, and each bot's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from authz.adapters.redis.conversation_store import PEOPLE, ROOMS, RedisConversationStore
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.services.conversations import Conversation, ConversationKind, personal_key
from tests.support.redis_cluster import RedisCluster

ROOM = Conversation(
    "19:ops@thread.tacv2",
    "https://service.example/emea/",
    "19:ops@thread.tacv2",
    "tenant",
    ConversationKind.CHANNEL,
)
BOB = Conversation(
    personal_key("tenant", "bob"),
    "https://service.example/emea/",
    "a:bob",
    "tenant",
    ConversationKind.PERSONAL,
    "bob",
)


def room(number: int) -> Conversation:
    return replace(ROOM, key=f"19:{number}@thread.v2", kind=ConversationKind.GROUP)


def person(number: int) -> Conversation:
    return replace(BOB, key=personal_key("tenant", str(number)), user=str(number))


@pytest.fixture
def chats(store: RedisTicketStore) -> RedisConversationStore:
    return RedisConversationStore(store, "app-1", rooms_max=2, people_max=3)


async def test_what_was_kept_is_found_until_it_is_forgotten(chats: RedisConversationStore) -> None:
    for met in (ROOM, BOB):
        assert await chats.keep(met)
        assert await chats.find(met.key) == met
    assert await chats.personal("tenant", "bob") == BOB
    assert await chats.personal("other-tenant", "bob") is None
    await chats.forget(BOB.key)
    await chats.forget(BOB.key)
    assert await chats.personal("tenant", "bob") is None
    assert await chats.find(ROOM.key) == ROOM


async def test_what_is_new_about_a_conversation_takes_the_place_of_what_was(
    chats: RedisConversationStore,
) -> None:
    assert await chats.keep(ROOM)
    moved = replace(ROOM, service_url="https://service.example/amer/")
    assert await chats.keep(moved)
    assert await chats.find(ROOM.key) == moved


async def test_no_room_can_be_asked_for_as_a_persons(chats: RedisConversationStore) -> None:
    await chats.keep(replace(ROOM, key=personal_key("tenant", "bob")))
    assert await chats.personal("tenant", "bob") is None


async def test_beyond_the_bound_nothing_new_is_kept_and_what_is_there_goes_on(
    chats: RedisConversationStore,
) -> None:
    assert [await chats.keep(room(number)) for number in range(3)] == [True, True, False]
    assert await chats.find(room(2).key) is None
    assert await chats.keep(replace(room(0), service_url="https://service.example/amer/"))
    await chats.forget(room(1).key)
    assert await chats.keep(room(2))


async def test_people_take_no_room_from_channels(chats: RedisConversationStore) -> None:
    assert [await chats.keep(person(number)) for number in range(4)] == [True, True, True, False]
    assert await chats.keep(ROOM)


async def test_without_the_bound_they_would_be_ever_more(store: RedisTicketStore) -> None:
    """The control of the two above."""
    unbounded = RedisConversationStore(store, "app-1", rooms_max=1_000, people_max=1_000)
    assert all([await unbounded.keep(room(number)) for number in range(4)])
    assert all([await unbounded.keep(person(number)) for number in range(4)])


async def test_another_process_finds_it_and_another_bot_does_not(
    chats: RedisConversationStore, settings: RedisSettings
) -> None:
    await chats.keep(ROOM)
    other = RedisTicketStore(settings)
    assert await RedisConversationStore(other, "app-1").find(ROOM.key) == ROOM
    assert await RedisConversationStore(other, "app-2").find(ROOM.key) is None
    await other.aclose()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "stage"},
        {"service_url": 1},
        {"id": None},
    ],
)
async def test_a_record_that_no_release_of_ours_wrote_is_named(
    chats: RedisConversationStore, link: Link, change: dict[str, object]
) -> None:
    await chats.keep(ROOM)
    [field, value] = await hash_of(link, ROOMS)
    await link.command("HSET", ROOMS, field, orjson.dumps({**orjson.loads(value), **change}))
    with pytest.raises(RecordUnreadable, match="a conversation"):
        await chats.find(ROOM.key)
    await link.command("HSET", ROOMS, field, b"[]")
    with pytest.raises(RecordUnreadable, match="a conversation"):
        await chats.find(ROOM.key)


async def test_a_key_of_another_type_is_named(chats: RedisConversationStore, link: Link) -> None:
    await link.command("SET", PEOPLE, "x", "PX", 60_000)
    with pytest.raises(RecordUnreadable, match="WRONGTYPE"):
        await chats.keep(BOB)
    with pytest.raises(RecordUnreadable, match="WRONGTYPE"):
        await chats.personal("tenant", "bob")


async def hash_of(link: Link, name: str) -> list[bytes]:
    found = await link.command("HGETALL", name)
    assert isinstance(found, list)
    return [bytes(each) for each in found if isinstance(each, bytes)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> RedisCluster:
    return RedisCluster(tmp_path_factory.mktemp("cluster"))


@pytest.fixture
async def on_a_cluster(cluster: RedisCluster) -> AsyncIterator[RedisTicketStore]:
    try:
        await cluster.start()
        store = RedisTicketStore(RedisSettings(url=cluster.url, timeout_ms=5_000, partitions=4))
        yield store
        await store.aclose()
    finally:
        cluster.stop()


async def test_a_cluster_has_them_on_one_node(on_a_cluster: RedisTicketStore) -> None:
    chats = RedisConversationStore(on_a_cluster, "app-1")
    for met in (ROOM, BOB):
        assert await chats.keep(met)
        assert await chats.find(met.key) == met
        await chats.forget(met.key)
        assert await chats.find(met.key) is None
