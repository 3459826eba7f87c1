"""Sessions of the console: they end by themselves, and one person has only so many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.session_store import PER_PERSON_MAX, PREFIX, RedisSessionStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.identity import Identity
from authz.services.sessions import Session, SessionLimits
from authz.services.voting import SignedIn

BOB = Session(
    SignedIn(Identity("https://issuer.example", "bob"), "Bob", "oidc", 1_800_000_000_000), b"k" * 32
)
CAROL = replace(
    BOB,
    signed_in=replace(
        BOB.signed_in,
        identity=Identity("https://issuer.example", "carol"),
        groups=("sre", "Größe"),
        groups_at=1_800_000_000_001,
    ),
)
LIMITS = SessionLimits(idle=1800, absolute=28_800)


def name(number: int) -> bytes:
    return bytes([number]) * 32


def key(number: int) -> str:
    return f"{PREFIX}session:{name(number).hex()}"


@pytest.fixture
def sessions(store: RedisTicketStore) -> RedisSessionStore:
    return RedisSessionStore(store, LIMITS)


async def left_ms(link: Link, number: int) -> int:
    return cast("int", await link.command("PTTL", key(number)))


async def test_what_was_kept_is_found_by_its_name_alone(sessions: RedisSessionStore) -> None:
    await sessions.start(name(1), BOB)
    assert await sessions.find(name(1)) == BOB
    await sessions.start(name(3), CAROL)
    assert await sessions.find(name(3)) == CAROL
    assert await sessions.find(name(2)) is None
    await sessions.end(name(1))
    assert await sessions.find(name(1)) is None
    await sessions.end(name(1))


async def test_another_console_finds_it_too(sessions: RedisSessionStore, settings: RedisSettings) -> None:
    await sessions.start(name(1), BOB)
    other = RedisTicketStore(settings)
    assert await RedisSessionStore(other, LIMITS).find(name(1)) == BOB
    await other.aclose()


async def test_use_prolongs_it_and_never_beyond_its_absolute_end(
    sessions: RedisSessionStore, link: Link
) -> None:
    await sessions.start(name(1), BOB)
    assert 1_790_000 < await left_ms(link, 1) <= 1_800_000
    await link.command("PEXPIRE", key(1), 60_000)
    await sessions.find(name(1))
    assert 1_790_000 < await left_ms(link, 1) <= 1_800_000
    # As if the absolute end were ten minutes away.
    ends = int(cast("bytes", await link.command("HGET", key(1), "ends")))
    await link.command("HSET", key(1), "ends", ends - 28_800_000 + 600_000)
    await sessions.find(name(1))
    assert 590_000 < await left_ms(link, 1) <= 600_000
    # And once it is past, finding it is the last that happens.
    await link.command("HSET", key(1), "ends", ends - 28_800_001)
    await sessions.find(name(1))
    assert await sessions.find(name(1)) is None


async def test_the_absolute_limit_counts_where_it_is_the_smaller_one(
    store: RedisTicketStore, link: Link
) -> None:
    await RedisSessionStore(store, SessionLimits(idle=1800, absolute=60)).start(name(1), BOB)
    assert await left_ms(link, 1) <= 60_000


async def test_the_oldest_of_one_persons_ends_and_nobody_elses(sessions: RedisSessionStore) -> None:
    await sessions.start(name(200), CAROL)
    for number in range(PER_PERSON_MAX + 1):
        await sessions.start(name(number), BOB)
    found = [await sessions.find(name(number)) for number in range(PER_PERSON_MAX + 1)]
    assert found == [None, *[BOB] * PER_PERSON_MAX]
    assert await sessions.find(name(200)) == CAROL


async def test_what_was_ended_makes_room(sessions: RedisSessionStore) -> None:
    await sessions.start(name(200), BOB)
    for number in range(3 * PER_PERSON_MAX):
        await sessions.start(name(number), BOB)
        await sessions.end(name(number))
    assert await sessions.find(name(200)) == BOB


async def test_at_once_there_are_no_more_than_that(sessions: RedisSessionStore, link: Link) -> None:
    await asyncio.gather(*(sessions.start(name(number), BOB) for number in range(50)))
    kept = cast("list[bytes]", await link.command("KEYS", f"{PREFIX}session:*"))
    assert len(kept) == PER_PERSON_MAX


async def test_neither_cookie_nor_person_stands_in_a_keys_name(
    sessions: RedisSessionStore, link: Link
) -> None:
    await sessions.start(name(1), BOB)
    names = b" ".join(cast("list[bytes]", await link.command("KEYS", "*")))
    assert b"bob" not in names
    assert b"issuer" not in names


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b'{"v": 1}', b'{"v": 2, "key": ""}'])
async def test_what_another_release_stored_is_said_to_be_unreadable(
    sessions: RedisSessionStore, link: Link, data: bytes
) -> None:
    await sessions.start(name(1), BOB)
    await link.command("HSET", key(1), "data", data)
    with pytest.raises(RecordUnreadable):
        await sessions.find(name(1))


async def test_without_redis_nobody_is_signed_in_or_out() -> None:
    store = RedisTicketStore(RedisSettings(url="redis://127.0.0.1:1/0", timeout_ms=500, consumer="one"))
    sessions = RedisSessionStore(store, LIMITS)
    for attempt in (sessions.find(name(1)), sessions.start(name(1), BOB), sessions.end(name(1))):
        with pytest.raises(StoreUnavailable):
            await attempt
    await store.aclose()
