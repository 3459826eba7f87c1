"""Who may wait, for how long by the clock of the call, and what the metrics are told of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from authz.domain.answer import Kind, Respond
from authz.services.changes import Changes
from authz.services.check.awaited import Awaited
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.waiting import WaitEnd, Waiting, WaitLimits
from tests.support.gated_requests import gated, with_headers
from tests.unit.check.test_waiting import comes

HELD = Outcome(Kind.HOLD, Respond(202, (), b""), awaited=Awaited("0-a", 0, 600_000, "alice", approved=False))
MOMENT = 2**-10
OVER = Outcome(Kind.REFUSE, Respond(403, (), b""))


class Book:
    """Notes every wait: how it ended, and after how long."""

    def __init__(self) -> None:
        self.waits: list[tuple[WaitEnd, float]] = []
        self.numbers: list[int] = []

    def waiting(self, number: int) -> None:
        self.numbers.append(number)

    def waited(self, end: WaitEnd, seconds: float) -> None:
        self.waits.append((end, seconds))


class Room:
    """A waiting room by a clock that a test moves; each look has `answers` left, then the ticket is over."""

    def __init__(
        self, *, longest: float = 60.0, waiters: int = 9, each: int = 9, judging: float = 0.5
    ) -> None:
        self.now = 1000.0
        self.book = Book()
        self.changes = Changes(lambda: self.now)
        self.answers: list[Outcome] = []
        self.answered = asyncio.Event()
        self.answered.set()
        self.looked: list[CheckCall] = []
        limits = WaitLimits(longest=longest, judging=judging, waiters=waiters, per_requester=each)
        self.waiting = Waiting(self._again, self.changes, limits, self.book)

    async def _again(self, call: CheckCall, ticket_id: str) -> Outcome:
        assert ticket_id == "0-a"
        self.looked.append(call)
        await self.answered.wait()
        return self.answers.pop(0) if self.answers else OVER

    def call(self, *preferences: str, envoy: float = 300.0) -> CheckCall:
        told = [("prefer", one.encode()) for one in preferences]
        return CheckCall(
            with_headers(gated(), *told),
            {},
            self.now + 0.5,
            lambda: self.now,
            since=self.now,
            until=self.now + envoy,
        )

    def news(self, after: float) -> None:
        """Let this time pass, and something happen to the ticket just before its end."""
        self.now += after - MOMENT
        self.changes.tell("0-a")
        self.now += MOMENT

    def whose(self, name: str, wait_ms: int = 0) -> Outcome:
        assert HELD.awaited is not None
        return replace(HELD, awaited=replace(HELD.awaited, whose=name, wait_ms=wait_ms))


async def entering(room: Room, outcome: Outcome, *preferences: str) -> asyncio.Task[Outcome]:
    """Return a check that waits by now, or has its answer."""
    before = room.waiting.waiters
    task = asyncio.create_task(room.waiting.wait(room.call(*preferences), outcome))
    await comes(lambda: room.waiting.waiters > before or task.done())
    return task


async def leaving(*tasks: asyncio.Task[Outcome]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_places_of_one_requester_are_not_anothers() -> None:
    room = Room(each=1)
    alice = await entering(room, HELD, "wait=9")
    assert (await entering(room, HELD, "wait=9")).done()
    bob = await entering(room, room.whose("bob"), "wait=9")
    assert (alice.done(), bob.done(), room.waiting.waiters) == (False, False, 2)
    await leaving(alice, bob)
    assert room.book.numbers == [1, 2, 1, 0]


async def test_who_finds_no_place_has_waited_no_time() -> None:
    room = Room(waiters=0)
    assert (await room.waiting.wait(room.call("wait=9"), HELD)) is HELD
    assert room.book.waits == [(WaitEnd.REFUSED, 0.0)]


@pytest.mark.parametrize(
    ("preferences", "wait_ms", "longest", "envoy", "seconds"),
    [
        (("wait=9",), 0, 60.0, 300.0, 9),
        (("wait=9",), 0, 5.0, 300.0, 5),
        (("wait=9",), 0, 60.0, 4.5, 4),
        (("wait=9",), 7_000, 60.0, 300.0, 9),
    ],
)
async def test_a_wait_ends_with_the_patience_of_the_client_or_of_envoy_or_by_the_setting(
    preferences: tuple[str, ...], wait_ms: int, longest: float, envoy: float, seconds: int
) -> None:
    """Half a second is kept back for the last look."""
    room = Room(longest=longest)
    call = room.call(*preferences, envoy=envoy)
    room.answers = [room.whose("alice")]
    task = asyncio.create_task(room.waiting.wait(call, room.whose("alice", wait_ms)))
    await comes(lambda: room.waiting.waiters == 1)
    room.news(seconds)
    outcome = await asyncio.wait_for(task, 5)
    assert dict(outcome.answer.headers if isinstance(outcome.answer, Respond) else ()) == {
        "preference-applied": f"wait={seconds}"
    }
    assert room.book.waits == [(WaitEnd.TIMED_OUT, seconds)]


async def test_a_rule_makes_wait_for_its_own_time() -> None:
    room = Room()
    room.answers = [HELD] * 2
    task = await entering(room, room.whose("alice", wait_ms=7_000))
    room.news(6.5)
    await comes(lambda: len(room.looked) == 1)
    assert not task.done()
    room.news(0.5)
    assert (await asyncio.wait_for(task, 5)) is HELD
    assert room.book.waits == [(WaitEnd.TIMED_OUT, 7.0)]


async def test_each_look_has_its_own_deadline_but_none_beyond_envoys() -> None:
    room = Room()
    room.answers = [HELD]
    task = await entering(room, HELD, "wait=9")
    room.news(5)
    await comes(lambda: len(room.looked) == 1)
    await leaving(task)
    assert (room.looked[0].deadline, room.looked[0].until) == (1005.5, 1300.0)


async def test_nobody_waits_where_less_than_a_twentieth_of_a_second_is_left() -> None:
    room = Room()
    room.answers = []
    assert await room.waiting.wait(room.call("wait=9", envoy=0.549), HELD) is HELD
    assert room.book.waits == []
    task = asyncio.create_task(room.waiting.wait(room.call("wait=9", envoy=0.5625), HELD))
    await asyncio.wait_for(task, 5)
    assert room.book.waits[0][0] is WaitEnd.RELEASED


async def test_a_look_that_nobody_answers_ends_with_the_time_for_judging() -> None:
    """Else one that hangs would keep the place of its waiter, and of all others that look."""
    room = Room(judging=MOMENT)
    room.answered.clear()
    task = await entering(room, HELD, "wait=9")
    room.news(1.0)
    with pytest.raises(TimeoutError):
        await task
    assert room.waiting.waiters == 0
