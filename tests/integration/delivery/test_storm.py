"""Too many tickets for one channel become one posting that counts, whoever of several notifiers has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from authz.adapters.redis import storm_book
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.redis.storm_book import RedisStormBook
from authz.domain.events import EventType
from authz.domain.requirement import Risk
from authz.domain.ticket import State, Ticket
from authz.services.card_ports import CardGone
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, Posting
from authz.services.storm import Storm, StormSettings
from tests.support.sample_tickets import CREATED_AT, REQUIREMENT, ended, ticket

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

EAGER = StormSettings(tickets=3, update_ms=0, post_ms=0)
LATER = replace(EAGER, update_ms=10**9, post_ms=10**9)
HIGH = replace(REQUIREMENT, risk=Risk.HIGH)


@dataclass
class Room:
    """A channel, and how many wait as each digest in it says now. `dies` is raised before a digest arrives."""

    in_place: bool = True
    cards: list[str] = field(default_factory=list)
    digests: dict[str, Digest] = field(default_factory=dict)
    digest_posts: int = 0
    dies: BaseException | None = None
    gate: asyncio.Event | None = None
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    events: frozenset[EventType] = frozenset(EventType)

    async def send(self, posting: Posting) -> str:
        self.cards.append(f"{posting.type.value} {posting.ticket.id}")
        return "card"

    async def alarm(self, alarm: Alarm) -> str:
        return f"alarm {alarm.rev}"

    async def digest(self, digest: Digest, reference: str) -> str:
        self.begun.release()
        if self.gate is not None:
            await self.gate.wait()
        if self.dies is not None:
            raise self.dies
        if reference and reference not in self.digests:
            raise CardGone("deleted")
        self.digest_posts += 1
        name = reference or f"digest {self.digest_posts}"
        self.digests[name] = digest
        return name if self.in_place else ""

    @property
    def waiting(self) -> list[int]:
        return [digest.waiting for digest in self.digests.values()]


@dataclass
class Counted:
    tickets: int = 0
    told: list[int] = field(default_factory=list)

    def digested(self, channel: str) -> None:
        assert channel == "ops"
        self.tickets += 1

    def digest_told(self, channel: str, waiting: int) -> None:
        assert channel == "ops"
        self.told.append(waiting)


@dataclass
class Notifier:
    """What a process makes of a channel. Others over the same Redis are further ones."""

    book: RedisStormBook
    room: Room
    settings: StormSettings = EAGER
    counted: Counted = field(default_factory=Counted)

    @property
    def channel(self) -> Storm:
        return Storm(
            "ops",
            self.room,
            self.room.digest,
            self.book,
            self.counted,
            in_place=self.room.in_place,
            settings=self.settings,
        )

    async def hear(self, *tickets: Ticket, of: EventType = EventType.TICKET_CREATED) -> list[str]:
        return [await self.channel.send(Posting(of, each, CREATED_AT)) for each in tickets]

    async def puts_off(self, one: Ticket, of: EventType = EventType.TICKET_CREATED) -> DeliveryDelayed:
        with pytest.raises(DeliveryDelayed) as caught:
            await self.hear(one, of=of)
        assert not caught.value.tried
        return caught.value


@pytest.fixture
async def notifier(store: RedisTicketStore, settings: RedisSettings) -> AsyncIterator[Notifier]:
    yield Notifier(RedisStormBook(store, settings), Room())
    left = await store.link.command("KEYS", "*storm*")
    assert isinstance(left, list)
    for name in left:
        assert isinstance(name, bytes)
        assert await store.link.command("PTTL", name) != -1, name


def tickets(count: int, first: int = 0) -> list[Ticket]:
    return [ticket(number) for number in range(first, first + count)]


def over(one: Ticket, state: State = State.REJECTED) -> Ticket:
    return ended(one, state)


async def test_up_to_the_number_each_has_its_card_and_then_one_counts(notifier: Notifier) -> None:
    assert await notifier.hear(*tickets(3)) == ["card"] * 3
    assert notifier.room.digests == {}
    assert await notifier.hear(*tickets(5, first=3)) == ["digest"] * 5
    assert len(notifier.room.cards) == 3
    assert list(notifier.room.digests) == ["digest 1"]
    assert notifier.room.waiting == [5]
    assert notifier.counted.tickets == 5


async def test_without_the_bound_there_would_be_a_card_for_each(notifier: Notifier) -> None:
    """Control of the test above."""
    calm = replace(notifier, settings=replace(EAGER, tickets=10_000))
    await calm.hear(*tickets(30))
    assert len(calm.room.cards) == 30
    assert calm.room.digests == {}


async def test_the_same_notice_again_counts_once_and_gets_the_same(notifier: Notifier) -> None:
    for _ in range(3):
        assert await notifier.hear(*tickets(5)) == ["card"] * 3 + ["digest"] * 2
    assert notifier.room.waiting == [2]


async def test_what_ends_is_counted_off_in_place_down_to_none(notifier: Notifier) -> None:
    every = tickets(6)
    await notifier.hear(*every)
    for left, one in zip((2, 1, 0), every[3:], strict=True):
        await notifier.hear(over(one), of=EventType.TICKET_REJECTED)
        assert notifier.room.waiting == [left]
    assert notifier.room.digests["digest 1"].total == 3
    await notifier.hear(over(every[5]), of=EventType.TICKET_REJECTED)
    assert notifier.room.waiting == [0]


async def test_after_all_of_it_is_over_the_next_storm_is_another_one(notifier: Notifier) -> None:
    every = tickets(4)
    await notifier.hear(*every)
    await notifier.hear(over(every[3]), of=EventType.TICKET_REJECTED)
    await notifier.hear(ticket(9))
    assert notifier.room.waiting == [0, 1]


async def test_after_a_quiet_time_there_is_a_new_one_and_the_old_one_says_so(notifier: Notifier) -> None:
    await notifier.hear(*tickets(5))
    quiet = replace(notifier, settings=replace(EAGER, quiet_ms=-1))
    await quiet.hear(ticket(9))
    old, new = notifier.room.digests.values()
    assert (old.moved, new.moved) == (True, False)
    assert (new.waiting, new.total) == (3, 3)
    await notifier.hear(ticket(10))
    assert list(notifier.room.digests) == ["digest 1", "digest 4"]
    assert notifier.room.digests["digest 4"].waiting == 4


async def test_a_deleted_digest_is_posted_again(notifier: Notifier) -> None:
    await notifier.hear(*tickets(4))
    notifier.room.digests.clear()
    await notifier.hear(ticket(9))
    assert notifier.room.waiting == [2]


async def test_a_high_risk_and_an_escalated_one_have_their_own_card(notifier: Notifier) -> None:
    await notifier.hear(*tickets(5))
    assert await notifier.hear(ticket(9, requirement=HIGH)) == ["card"]
    await notifier.hear(ticket(4), of=EventType.TICKET_ESCALATED)
    assert notifier.room.cards[-1] == f"ticket.escalated {ticket(4).id}"
    assert notifier.room.waiting == [1]


async def test_where_cards_are_changed_in_place_later_events_reach_the_ones_there_are(
    notifier: Notifier,
) -> None:
    await notifier.hear(*tickets(4))
    await notifier.hear(ticket(3), of=EventType.VOTE_RECORDED)
    await notifier.hear(over(ticket(3)), of=EventType.TICKET_REJECTED)
    assert [line.split()[0] for line in notifier.room.cards[3:]] == ["vote.recorded", "ticket.rejected"]


async def test_a_late_creation_of_what_is_over_opens_no_card(notifier: Notifier) -> None:
    await notifier.hear(*tickets(4))
    await notifier.hear(over(ticket(3)))
    await notifier.hear(over(ticket(3)), of=EventType.TICKET_ESCALATED)
    assert len(notifier.room.cards) == 3
    assert notifier.room.waiting == [0]


async def test_where_nothing_can_be_changed_what_becomes_of_them_is_not_told(notifier: Notifier) -> None:
    posts = replace(notifier, room=Room(in_place=False))
    every = tickets(5)
    await posts.hear(*every)
    assert posts.room.waiting == [1, 2]
    for kind in (EventType.TICKET_REMINDED, EventType.VOTE_WITHDRAWN):
        assert await posts.hear(every[4], of=kind) == ["digest"]
    for one in every[3:]:
        assert await posts.hear(over(one), of=EventType.TICKET_REJECTED) == ["digest"]
    assert await posts.hear(over(every[0]), of=EventType.TICKET_REJECTED) == ["card"]
    assert posts.room.digest_posts == 2


async def test_where_nothing_can_be_changed_an_escalated_one_gets_a_card_and_follow_ups(
    notifier: Notifier,
) -> None:
    posts = replace(notifier, room=Room(in_place=False))
    await posts.hear(*tickets(5))
    for kind in (EventType.TICKET_ESCALATED, EventType.TICKET_REMINDED):
        assert await posts.hear(ticket(4), of=kind) == ["card"]
    assert await posts.hear(over(ticket(4)), of=EventType.TICKET_REJECTED) == ["card"]


async def test_an_escalation_that_asks_others_opens_no_card_here(notifier: Notifier) -> None:
    posts = replace(notifier, room=Room(in_place=False))
    await posts.hear(*tickets(5))
    elsewhere = Posting(EventType.TICKET_ESCALATED, ticket(4), CREATED_AT, elsewhere=True)
    assert await posts.channel.send(elsewhere) == "digest"
    assert len(posts.room.cards) == 3


async def test_a_notice_waits_until_a_digest_has_counted_it(notifier: Notifier) -> None:
    every = tickets(6)
    await notifier.hear(*every[:4])
    later = replace(notifier, settings=LATER)
    for one in every[4:]:
        assert (await later.puts_off(one)).after_s > 1
    assert notifier.room.waiting == [1]
    await notifier.hear(every[4])
    assert notifier.room.waiting == [3]
    await later.hear(every[5])  # told of by the other one's
    assert notifier.room.digest_posts == 2


async def test_of_two_notifiers_one_posts(notifier: Notifier) -> None:
    await notifier.hear(*tickets(3))
    notifier.room.gate = asyncio.Event()
    first = asyncio.create_task(notifier.hear(ticket(3)))
    await notifier.room.begun.acquire()
    other = replace(notifier, counted=Counted())
    assert 0 < (await other.puts_off(ticket(4))).after_s <= 1
    notifier.room.gate.set()
    await first
    await other.hear(ticket(4))
    assert list(notifier.room.digests) == ["digest 1"]
    assert notifier.room.waiting == [2]


async def test_without_the_turns_both_would_post(notifier: Notifier) -> None:
    """Control of the test above: a claim that is over at once."""
    careless = replace(notifier, settings=replace(EAGER, claim_ms=0))
    await careless.hear(*tickets(3))
    careless.room.gate = asyncio.Event()
    both = [asyncio.create_task(careless.hear(ticket(number))) for number in (3, 4)]
    for _ in both:
        await careless.room.begun.acquire()
    careless.room.gate.set()
    await asyncio.gather(*both)
    assert len(careless.room.digests) == 2


@pytest.mark.parametrize("error", [DeliveryDelayed("503"), asyncio.CancelledError(), ValueError("a bug")])
async def test_a_digest_that_failed_is_told_of_when_the_notice_comes_again(
    notifier: Notifier, error: BaseException
) -> None:
    await notifier.hear(*tickets(3))
    notifier.room.dies = error
    with pytest.raises(type(error)):
        await notifier.hear(ticket(3))
    notifier.room.dies = None
    await notifier.hear(ticket(3))
    assert notifier.room.waiting == [1]


async def test_a_notifier_that_died_with_its_turn_loses_nothing(notifier: Notifier) -> None:
    """Its notice comes again when the lease is over, and its turn ends by itself."""
    await notifier.hear(*tickets(3))
    short = replace(notifier.settings, claim_ms=200)
    number = await notifier.book.enter("ops", ticket(3).id, short, own_card=False)
    assert await notifier.book.turn("ops", number, "the dead one", short) is not None
    other = replace(notifier, settings=short)
    receipts: list[str] = []
    while not receipts:
        try:
            receipts = await other.hear(ticket(3))
        except DeliveryDelayed as error:
            await asyncio.sleep(error.after_s)
    assert notifier.room.waiting == [1]
    await notifier.book.told("ops", "the dead one", number, "its own")
    await other.hear(ticket(4))
    assert notifier.room.waiting == [2]


async def test_channels_are_counted_apart(notifier: Notifier) -> None:
    await notifier.hear(*tickets(4))
    assert await notifier.book.enter("other", ticket(3).id, EAGER, own_card=False) == 0


async def test_what_is_known_of_a_digest_is_bounded(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authz.adapters.redis.storm_book.DIGESTED_MAX", 2)
    await notifier.hear(*tickets(8))
    known = [await notifier.book.inside("ops", one.id) for one in tickets(8)]
    assert known == [False] * 6 + [True] * 2


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_is_no_longer_known_of_a_digest_is_not_waited_for(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Control: else the count would never come down again, because nobody can count those off."""
    monkeypatch.setattr("authz.adapters.redis.storm_book.DIGESTED_MAX", 2)
    if not guarded:
        whole = storm_book._ENTER.source.decode()
        line = "redis.call('SREM', WAITING, dropped[at])"
        assert line in whole
        monkeypatch.setattr(storm_book, "_ENTER", Script.of(whole.replace(line, "")))
    every = tickets(8)
    await notifier.hear(*every)
    assert notifier.room.waiting == [2 if guarded else 5]
    for one in every:
        await notifier.hear(over(one), of=EventType.TICKET_REJECTED)
    assert notifier.room.waiting == [0 if guarded else 3]


async def test_what_was_long_ago_is_not_counted(notifier: Notifier) -> None:
    brief = replace(notifier, settings=replace(EAGER, window_ms=1))
    for one in tickets(8):
        assert await brief.hear(one) == ["card"]
        await asyncio.sleep(0.002)
