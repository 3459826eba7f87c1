"""Holding a check open until the last vote (RFC 7240), against the real service on a store in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest

from authz.domain.answer import Forward, Kind
from authz.domain.errors import StoreUnavailable
from authz.domain.request import GatedRequest
from authz.domain.ticket import Choice, State
from authz.services.changes import Changes
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.waiting import WaitEnd, Waiting, WaitLimits
from tests.support.gated_requests import gated, with_headers
from tests.unit.check.world import (
    DOCUMENT,
    HOLD,
    TICKET,
    World,
    allow_when_approved,
    body,
    demanding,
    headers,
    status,
)

PATIENCE = 10.0
LONG, SHORT = 60.0, 0.2


class Ends:
    """Counts how waits ended."""

    def __init__(self) -> None:
        self.ended: Counter[WaitEnd] = Counter()
        self.now: list[int] = []

    def waiting(self, number: int) -> None:
        self.now.append(number)

    def waited(self, end: WaitEnd, seconds: float) -> None:
        assert seconds >= 0
        self.ended[end] += 1


async def comes(condition: Callable[[], bool]) -> None:
    """Let other tasks run until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody but the product could set an event
            await asyncio.sleep(0)


class Hall:
    """A world in which checks may wait."""

    def __init__(self, world: World, *, longest: float = LONG, waiters: int = 100, each: int = 50) -> None:
        self.world = world
        self.changes = Changes()
        self.ends = Ends()
        limits = WaitLimits(longest=longest, judging=0.5, waiters=waiters, per_requester=each)
        self.waiting = Waiting(world.service().again, self.changes, limits, self.ends)

    async def check(
        self, *preferences: str, token: str = "", request: GatedRequest | None = None, envoy: float = 300.0
    ) -> Outcome:
        """Judge a request as the handler does, and wait with it; `envoy` is its timeout in seconds."""
        told = [("prefer", one.encode()) for one in preferences]
        presented = [(TICKET, token.encode())] if token else []
        now = monotonic()
        sent = with_headers(request or gated(), *told, *presented)
        call = CheckCall(sent, DOCUMENT, now + 0.5, since=now, until=now + envoy)
        return await self.waiting.wait(call, await self.world.service().check(call))

    @asynccontextmanager
    async def holding(self, *preferences: str, token: str = "") -> AsyncIterator[asyncio.Task[Outcome]]:
        """Give a check that waits by now."""
        before = self.waiting.waiters
        task = asyncio.create_task(self.check(*preferences, token=token))
        await comes(lambda: self.waiting.waiters > before or task.done())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, StoreUnavailable):
                await task

    @property
    def token(self) -> str:
        """The token of the only ticket that somebody may still decide on."""
        [one] = [
            ticket
            for ticket in self.world.memory.tickets.values()
            if ticket.state in {State.PENDING, State.APPROVED}
        ]
        return self.world.mint.mint(one.id)

    async def vote(self, name: str = "bob", choice: Choice = Choice.APPROVE, *, told: bool = True) -> None:
        token = self.token
        await self.world.vote(token, name, choice, "because" if choice is Choice.REJECT else "")
        if told:
            self.changes.tell(self.world.ticket(token).id)


async def ended(task: asyncio.Task[Outcome]) -> Outcome:
    async with asyncio.timeout(PATIENCE):
        return await task


@pytest.fixture
def hall(world: World) -> Hall:
    return Hall(world)


@pytest.mark.parametrize("result", [HOLD, allow_when_approved])
async def test_the_last_vote_releases_the_very_request_that_waits(hall: Hall, result: object) -> None:
    hall.world.policy.result = result
    async with hall.holding("wait=30") as waiting:
        await hall.vote()
        outcome = await ended(waiting)
    assert outcome.kind is Kind.ALLOW
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.response_headers == (("preference-applied", "wait=30"),)
    assert "prefer" in outcome.answer.mutations.remove_headers
    assert [ticket.state for ticket in hall.world.memory.tickets.values()] == [State.USED_UP]
    assert hall.ends.ended == {WaitEnd.RELEASED: 1}
    assert hall.waiting.waiters == 0


async def test_a_first_vote_of_two_releases_nobody(hall: Hall) -> None:
    hall.world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
    async with hall.holding("wait=30") as waiting:
        asked = len(hall.world.policy.asked)
        await hall.vote("bob")
        await comes(lambda: len(hall.world.policy.asked) > asked)
        assert not waiting.done()
        await hall.vote("carol")
        assert (await ended(waiting)).kind is Kind.ALLOW


async def test_a_rejection_is_told_at_once(hall: Hall) -> None:
    async with hall.holding("wait=30") as waiting:
        await hall.vote(choice=Choice.REJECT)
        outcome = await ended(waiting)
    assert (status(outcome), body(outcome)["state"]) == (403, "rejected")
    assert headers(outcome)["preference-applied"] == "wait=30"


async def test_a_presented_ticket_can_be_waited_for(hall: Hall) -> None:
    token = await hall.world.held()
    async with hall.holding("wait=30", token=token) as waiting:
        await hall.vote()
        assert (await ended(waiting)).kind is Kind.ALLOW


async def test_what_the_policy_says_at_the_release_counts(hall: Hall) -> None:
    """Votes alone let nothing through."""
    async with hall.holding("wait=30") as waiting:
        hall.world.policy.result = {"allowed": False}
        await hall.vote()
        outcome = await ended(waiting)
    assert (outcome.kind, status(outcome)) == (Kind.DENY, 403)
    assert [ticket.uses_left for ticket in hall.world.memory.tickets.values()] == [1]


async def test_a_wait_that_ends_says_how_things_are(world: World) -> None:
    hall = Hall(world, longest=SHORT)
    outcome = await hall.check("wait=30")
    assert (status(outcome), body(outcome)["state"]) == (202, "pending")
    assert headers(outcome)["preference-applied"] == "wait=0"
    assert hall.ends.ended == {WaitEnd.TIMED_OUT: 1}


async def test_news_that_got_lost_are_found_at_the_end(world: World) -> None:
    hall = Hall(world, longest=SHORT)
    async with hall.holding("wait=30") as waiting:
        await hall.vote(told=False)
        assert (await ended(waiting)).kind is Kind.ALLOW


async def test_a_vote_between_the_look_and_the_wait_is_not_missed(hall: Hall) -> None:
    """It is told before anybody waits, and after the ticket was looked at."""
    now = monotonic()
    call = CheckCall(
        with_headers(gated(), ("prefer", b"wait=30")), DOCUMENT, now + 1, since=now, until=now + 300
    )
    outcome = await hall.world.service().check(call)
    await hall.vote()
    async with asyncio.timeout(PATIENCE):
        assert (await hall.waiting.wait(call, outcome)).kind is Kind.ALLOW


async def test_a_cancelled_wait_redeems_nothing(hall: Hall) -> None:
    async with hall.holding("wait=30") as waiting:
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await hall.vote()
    assert [ticket.uses_left for ticket in hall.world.memory.tickets.values()] == [1]
    assert hall.ends.ended == {WaitEnd.CANCELLED: 1}
    assert hall.waiting.waiters == 0


async def test_a_drain_sends_everybody_home_with_the_hold_and_lets_nobody_wait(hall: Hall) -> None:
    async with hall.holding("wait=30") as one, hall.holding("wait=30") as two:
        asked = len(hall.world.policy.asked)
        hall.waiting.drain()
        outcomes = [await ended(task) for task in (one, two)]
        assert len(hall.world.policy.asked) == asked, "an answer at once asks nobody"
    assert [status(outcome) for outcome in outcomes] == [202, 202]
    late = await hall.check("wait=30")
    assert status(late) == 202
    assert "preference-applied" not in headers(late)
    assert hall.ends.ended == {WaitEnd.DRAINED: 2}


@pytest.mark.parametrize(("waiters", "each"), [(2, 50), (100, 2)])
async def test_beyond_the_bounds_the_hold_comes_at_once(world: World, waiters: int, each: int) -> None:
    hall = Hall(world, waiters=waiters, each=each)
    async with hall.holding("wait=30"), hall.holding("wait=30"):
        outcome = await ended(asyncio.create_task(hall.check("wait=30")))
        assert status(outcome) == 202
        assert "preference-applied" not in headers(outcome)
        assert hall.ends.ended == {WaitEnd.REFUSED: 1}
    async with hall.holding("wait=30"):
        assert hall.waiting.waiters == 1, "there is room again"


async def test_who_prefers_an_answer_at_once_never_waits(hall: Hall) -> None:
    hall.world.policy.result = demanding(wait="30s")
    outcome = await ended(asyncio.create_task(hall.check("respond-async")))
    assert status(outcome) == 202
    assert headers(outcome)["preference-applied"] == "respond-async"


async def test_both_preferences_together_mean_at_most_that_long(world: World) -> None:
    """RFC 7240 section 4.3: wait says how long before the answer may come asynchronously."""
    hall = Hall(world)
    async with hall.holding("respond-async, wait=30") as waiting:
        await hall.vote()
        assert (await ended(waiting)).kind is Kind.ALLOW


async def test_a_rule_may_have_everybody_wait(hall: Hall) -> None:
    hall.world.policy.result = demanding(wait="30s")
    async with hall.holding() as waiting:
        await hall.vote()
        outcome = await ended(waiting)
    assert isinstance(outcome.answer, Forward)
    assert outcome.answer.mutations.response_headers == ()


async def test_the_clients_own_wait_counts_before_the_rules(hall: Hall) -> None:
    hall.world.policy.result = demanding(wait="30s")
    outcome = await ended(asyncio.create_task(hall.check("wait=0")))
    assert status(outcome) == 202


async def test_who_comes_to_wait_when_it_is_approved_already_is_released_at_once(hall: Hall) -> None:
    await hall.world.approved()
    outcome = await ended(asyncio.create_task(hall.check("wait=30")))
    assert outcome.kind is Kind.ALLOW


@pytest.mark.parametrize("result", [HOLD, demanding(wait="30s")])
async def test_an_approved_ticket_is_only_told_to_who_neither_waits_nor_presents_it(
    hall: Hall, result: object
) -> None:
    hall.world.policy.result = result
    await hall.world.approved()
    outcome = await ended(asyncio.create_task(hall.check()))
    assert (status(outcome), body(outcome)["state"]) == (202, "approved")


async def test_no_time_left_at_envoy_means_no_wait(hall: Hall) -> None:
    """The route of Envoy's isn't made for waiting: the answer has to come before it gives up."""
    outcome = await ended(asyncio.create_task(hall.check("wait=30", envoy=0.5)))
    assert status(outcome) == 202
    assert "preference-applied" not in headers(outcome)


async def test_a_ticket_whose_time_is_over_ends_the_wait(hall: Hall) -> None:
    token = await hall.world.held()
    ticket = hall.world.ticket(token)
    hall.world.memory.now = ticket.expires_at - 50
    async with hall.holding("wait=30", token=token) as waiting:
        hall.world.memory.now = ticket.expires_at
        outcome = await ended(waiting)
    assert (status(outcome), body(outcome)["state"]) == (403, "expired")


async def test_the_wait_goes_on_with_the_ticket_that_takes_its_place(hall: Hall) -> None:
    async with hall.holding("wait=30") as waiting:
        hall.world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}])
        await hall.vote("bob")  # enough for then, not for now
        await comes(lambda: len(hall.world.memory.tickets) > 1)
        assert not waiting.done()
        await hall.vote("bob")
        await hall.vote("carol")
        assert (await ended(waiting)).kind is Kind.ALLOW


async def test_a_look_that_fails_is_an_outage_and_makes_room(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_: str) -> None:
        raise StoreUnavailable("Redis can't be reached")

    async with hall.holding("wait=30") as waiting:
        monkeypatch.setattr(hall.world.memory, "load", down)
        hall.changes.tell(hall.world.ticket(hall.token).id)
        with pytest.raises(StoreUnavailable):
            await ended(waiting)
    assert hall.ends.ended == {WaitEnd.FAILED: 1}
    assert hall.waiting.waiters == 0


@pytest.mark.parametrize(
    ("preferences", "left"),
    [
        (("return=minimal, wait=30",), "return=minimal"),
        (("wait=30, respond-async", 'a="b, c"; d=e'), 'a="b, c"; d=e'),
    ],
)
async def test_the_upstream_gets_the_preferences_that_are_its_own(
    hall: Hall, preferences: tuple[str, ...], left: str
) -> None:
    async with hall.holding(*preferences) as waiting:
        await hall.vote()
        outcome = await ended(waiting)
    assert headers(outcome)["prefer"] == left


async def test_a_prefer_that_the_policy_sets_stays_as_it_says(hall: Hall) -> None:
    hall.world.policy.result = lambda document: (
        {"allowed": True, "headers": {"prefer": "return=representation"}} if "approval" in document else HOLD
    )
    async with hall.holding("wait=30, return=minimal") as waiting:
        await hall.vote()
        outcome = await ended(waiting)
    assert headers(outcome)["prefer"] == "return=representation"


async def test_what_is_plainly_allowed_or_denied_waits_for_nobody(hall: Hall) -> None:
    for result, kind in (({"allowed": True}, Kind.ALLOW), ({"allowed": False}, Kind.DENY)):
        hall.world.policy.result = result
        assert (await ended(asyncio.create_task(hall.check("wait=30")))).kind is kind
    assert not hall.ends.now
