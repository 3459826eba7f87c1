from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.domain.break_glass import BreakGlass, ReviewDraft
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.request import CheckId
from authz.domain.ticket import State
from authz.services.backoff import Backoff
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Notice
from authz.services.routes import Routes
from tests.support.sample_tickets import REQUIREMENT, approved, ticket
from tests.unit.delivery.doubles import FakeChannel
from tests.unit.delivery.rig import SETTINGS, Rig, notice


async def test_a_notice_is_acknowledged_with_the_receipt_of_its_channel() -> None:
    rig = Rig(notice())
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.outbox.done == {"1-0": {"teams": "receipt-1"}}
    assert rig.watched.posts == [("1-0", "teams")]
    assert rig.outbox.leased == {}


async def test_a_notice_is_not_acknowledged_before_every_channel_has_it() -> None:
    gate = asyncio.Event()
    rig = Rig(notice(), channels={"quick": FakeChannel(), "slow": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.channels["slow"].begun.wait()
        await rig.outbox.until(lambda: len(rig.outbox.renewed) > 1)
        assert rig.outbox.done == {}
        assert rig.outbox.noted == {"1-0": {"quick": "receipt-1"}}
        gate.set()
        await rig.outbox.until(lambda: bool(rig.outbox.done))
    assert rig.outbox.done == {"1-0": {"quick": "receipt-1", "slow": "receipt-1"}}


async def test_a_retry_leaves_out_the_channels_that_have_it() -> None:
    bad = FakeChannel([DeliveryDelayed("busy"), DeliveryDelayed("busy")])
    rig = Rig(notice(), channels={"good": FakeChannel(), "bad": bad})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert len(rig.channels["good"].postings) == 1
    assert len(bad.postings) == 3
    assert rig.outbox.done == {"1-0++": {"good": "receipt-1", "bad": "receipt-3"}}


async def test_without_the_note_a_retry_would_post_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the one above."""
    bad = FakeChannel([DeliveryDelayed("busy")])
    rig = Rig(notice(), channels={"good": FakeChannel(), "bad": bad})

    async def forget(_notice: Notice, _channel: str, _receipt: str) -> None:
        """Keep nothing."""

    monkeypatch.setattr(rig.outbox, "accepted", forget)
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert len(rig.channels["good"].postings) == 2


@pytest.mark.parametrize("asked_for", [0.25, 7.0, 3600.0])
async def test_a_retry_is_never_earlier_than_the_channel_asked_for(asked_for: float) -> None:
    rig = Rig(notice(), channels={"teams": FakeChannel([DeliveryDelayed("429", asked_for)])})
    await rig.run_until(lambda: bool(rig.outbox.done))
    [(_, after_ms, why, counted)] = rig.outbox.retries
    assert after_ms >= asked_for * 1000
    assert (why, counted) == ("teams: 429", True)


async def test_retries_wait_longer_each_time_and_differ() -> None:
    backoff = Backoff(base_s=1.0, max_s=10.0)
    for attempt, most in ((1, 1.0), (2, 2.0), (3, 4.0), (5, 10.0), (1000, 10.0)):
        delays = {backoff.delay(attempt, 5.0) for _ in range(200)}
        assert all(5.0 <= delay <= 5.0 + most for delay in delays)
        assert len(delays) > 100
        assert max(delays) - min(delays) > most / 2


async def test_after_the_last_attempt_a_notice_is_buried_with_an_alert_and_the_ticket_stays() -> None:
    rig = Rig(notice(), channels={"teams": FakeChannel([DeliveryDelayed("503")] * 10)})
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert len(rig.channels["teams"].postings) == SETTINGS.attempts
    assert rig.outbox.buried == {"1-0++": "teams: 503"}
    assert rig.watched.burials == [("1-0++", "teams: 503")]
    assert rig.tickets.by_id[ticket().id].state is State.PENDING


async def test_a_refusal_is_buried_at_once() -> None:
    rig = Rig(notice(), channels={"teams": FakeChannel([DeliveryRefused("404")])})
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert len(rig.channels["teams"].postings) == 1
    assert rig.watched.burials == [("1-0", "teams: 404")]


async def test_a_refusal_by_one_channel_does_not_cost_another_its_retries() -> None:
    gone = FakeChannel([DeliveryRefused("404")] * 10)
    busy = FakeChannel([DeliveryDelayed("503")])
    rig = Rig(notice(), channels={"gone": gone, "busy": busy})
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert rig.watched.posts == [("1-0+", "busy")]
    assert rig.outbox.buried == {"1-0+": "gone: 404"}


async def test_waiting_for_a_pause_that_was_asked_for_is_no_attempt() -> None:
    pauses = [DeliveryDelayed("paused", tried=False)] * 20
    rig = Rig(notice(), channels={"teams": FakeChannel([*pauses])})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.outbox.buried == {}
    assert {counted for *_, counted in rig.outbox.retries} == {False}


async def test_a_channels_bug_is_a_failed_attempt_that_tells_nothing_of_its_text() -> None:
    rig = Rig(notice(), channels={"teams": FakeChannel([KeyError("https://secret.example")])})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.outbox.retries[0][2] == "teams: the channel failed with KeyError"


async def test_a_channel_that_hangs_is_given_up_and_tried_again() -> None:
    gate = asyncio.Event()
    settings = replace(SETTINGS, post_s=0.02, attempts=1000)
    rig = Rig(notice(), channels={"teams": FakeChannel(gate=gate)}, settings=settings)
    async with rig.running():
        await rig.outbox.until(lambda: bool(rig.outbox.retries))
        gate.set()
        await rig.outbox.until(lambda: bool(rig.outbox.done))
    assert rig.outbox.retries[0][2] == "teams: no answer in 0.02 s"


@pytest.mark.parametrize("kind", [EventType.VOTE_RECORDED, EventType.GRANT_LAPSED])
async def test_an_event_that_no_channel_posts_is_acknowledged_without_a_message(kind: EventType) -> None:
    quiet = FakeChannel(events=frozenset({EventType.TICKET_CREATED}))
    rig = Rig(notice(kind=kind), channels={"teams": quiet})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.outbox.done == {"1-0": {}}
    assert quiet.postings == []


async def test_the_rules_route_decides_which_channels_are_told() -> None:
    channels = {"a": FakeChannel(), "b": FakeChannel(), "c": FakeChannel()}
    rig = Rig(notice(), channels=channels, routes={"default": ("a",), "prod": ("b", "c", "b")})
    held = ticket(requirement=replace(REQUIREMENT, notify=("prod",)))
    rig.tickets.by_id[held.id] = held
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert [len(channel.postings) for channel in channels.values()] == [0, 1, 1]


async def test_a_route_that_was_removed_falls_back_to_the_default_and_says_so() -> None:
    rig = Rig(notice())
    held = ticket(requirement=replace(REQUIREMENT, notify=("gone",)))
    rig.tickets.by_id[held.id] = held
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.watched.routes == ["gone"]
    assert len(rig.channels["teams"].postings) == 1


async def test_a_channel_is_given_the_ticket_as_it_is_now() -> None:
    rig = Rig(notice())
    rig.tickets.by_id[ticket().id] = approved(ticket())
    await rig.run_until(lambda: bool(rig.outbox.done))
    [posting] = rig.channels["teams"].postings
    assert posting.ticket.state is State.APPROVED
    assert posting.now == rig.tickets.now


async def test_notices_of_one_ticket_that_wait_together_are_posted_in_their_order() -> None:
    first = notice(0, EventType.TICKET_CREATED)
    second = replace(notice(1, EventType.TICKET_APPROVED), ticket_id=first.ticket_id)
    gate = asyncio.Event()
    rig = Rig(first, second, channels={"teams": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.outbox.until(lambda: len(rig.outbox.renewed) > 2)
        assert [posting.type for posting in rig.channels["teams"].postings] == [EventType.TICKET_CREATED]
        gate.set()
        await rig.outbox.until(lambda: len(rig.outbox.done) == 2)
    assert [posting.type for posting in rig.channels["teams"].postings][1] is EventType.TICKET_APPROVED


async def test_no_more_is_taken_than_may_be_in_hand() -> None:
    gate = asyncio.Event()
    rig = Rig(*(notice(n) for n in range(12)), channels={"teams": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.outbox.until(lambda: len(rig.outbox.renewed) > 8)
        assert rig.delivery.in_hand == SETTINGS.in_hand
        assert len(rig.outbox.waiting) == 8
        gate.set()
        await rig.outbox.until(lambda: len(rig.outbox.done) == 12)
    assert rig.channels["teams"].most == SETTINGS.in_hand


async def test_leases_are_renewed_while_a_post_takes_long() -> None:
    gate = asyncio.Event()
    rig = Rig(notice(), channels={"teams": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.outbox.until(lambda: rig.outbox.renewed.count("1-0") >= 3)
        gate.set()


async def test_a_notice_that_comes_again_while_it_is_in_hand_is_not_posted_twice() -> None:
    gate = asyncio.Event()
    rig = Rig(notice(), channels={"teams": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.channels["teams"].begun.wait()
        takes = rig.outbox.takes
        rig.outbox.waiting.append(notice(attempt=2))
        await rig.outbox.until(lambda: rig.outbox.takes > takes + 2)
        gate.set()
        await rig.outbox.until(lambda: bool(rig.outbox.done))
    assert len(rig.channels["teams"].postings) == 1


async def test_an_outage_of_redis_is_outlived() -> None:
    rig = Rig(notice())
    rig.outbox.down = True
    async with rig.running():
        await rig.watched.told.wait()
        rig.outbox.down = False
        await rig.outbox.until(lambda: bool(rig.outbox.done))
    assert "taking notices" in rig.watched.store_failures


async def test_an_outage_of_redis_is_asked_about_ever_less_often() -> None:
    delays: list[float] = []

    def keep(most: float) -> float:
        delays.append(most)
        return 0.0

    rig = Rig(settings=replace(SETTINGS, store_backoff=Backoff(0.1, 2.0, jitter=keep)))
    rig.outbox.down = True
    async with rig.running():
        while len(delays) < 8:
            rig.watched.told.clear()
            await rig.watched.told.wait()
    assert delays[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])


async def test_a_notice_whose_acknowledgement_is_lost_stays_leased() -> None:
    gate = asyncio.Event()
    rig = Rig(notice(), channels={"teams": FakeChannel(gate=gate)})
    async with rig.running():
        await rig.channels["teams"].begun.wait()
        rig.outbox.down = True
        gate.set()
        while "settling ticket.created" not in rig.watched.store_failures:
            rig.watched.told.clear()
            await rig.watched.told.wait()
        assert list(rig.outbox.leased) == ["1-0"]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RecordUnreadable("version 9"), "what it is about can't be read: version 9"),
        (None, "what it is about is not there any more"),
    ],
)
async def test_a_notice_without_a_readable_ticket_is_buried(error: Exception | None, why: str) -> None:
    rig = Rig(notice())
    rig.tickets.fails = error
    rig.tickets.by_id.clear()
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert rig.watched.burials == [("1-0", why)]


async def test_a_ticket_that_can_not_be_loaded_now_costs_nothing_but_the_lease() -> None:
    rig = Rig(notice())
    rig.tickets.fails = StoreUnavailable("down")
    async with rig.running():
        await rig.watched.told.wait()
    assert list(rig.outbox.leased) == ["1-0"]
    assert rig.outbox.buried == {}


async def test_a_bug_leaves_the_notice_leased_and_the_others_alone() -> None:
    rig = Rig(notice(0), notice(1))
    broken = ticket(0)
    rig.tickets.by_id[broken.id] = replace(broken, draft=None)  # type: ignore[arg-type]
    async with rig.running():
        await rig.watched.told.wait()
        await rig.outbox.until(lambda: "1-1" in rig.outbox.done)
    assert list(rig.outbox.leased) == ["1-0"]
    assert isinstance(rig.watched.crashes[0], AttributeError)


async def test_a_notice_that_was_never_settled_in_many_attempts_is_buried_untried() -> None:
    rig = Rig(notice(attempt=2 * SETTINGS.attempts + 1))
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert rig.channels["teams"].postings == []
    assert rig.watched.burials == [("1-0", "taken 6 times and never settled")]


async def test_a_stop_finishes_what_is_in_hand_and_takes_nothing_more() -> None:
    gate = asyncio.Event()
    rig = Rig(notice(0), channels={"teams": FakeChannel(gate=gate)})
    async with rig.running() as task:
        await rig.channels["teams"].begun.wait()
        rig.stop.set()
        await rig.renewals(2)  # a take that had begun may still end; by then it has
        takes = rig.outbox.takes
        rig.outbox.waiting.append(notice(1))
        await rig.renewals(2)
        assert not task.done()
        gate.set()
        await task
    assert list(rig.outbox.done) == ["1-0"]
    assert rig.outbox.takes == takes


async def test_a_stop_does_not_wait_for_ever() -> None:
    rig = Rig(
        notice(),
        channels={"teams": FakeChannel(gate=asyncio.Event())},
        settings=replace(SETTINGS, drain_s=0.01),
    )
    async with rig.running():
        await rig.channels["teams"].begun.wait()
    assert list(rig.outbox.leased) == ["1-0"]
    assert rig.channels["teams"].now == 0


async def test_a_route_without_channels_tells_nobody_and_keeps_nothing_back() -> None:
    rig = Rig(notice(), routes={"default": ()})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert rig.outbox.done == {"1-0": {}}


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ({}, "'default' is missing"),
        ({"default": ("teams", "slack")}, "'default' names the channel 'slack'"),
    ],
)
def test_routes_to_nowhere_are_refused(routes: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Routes({"teams": FakeChannel()}, routes)


async def test_a_use_of_break_glass_is_an_alarm_on_the_route_of_its_terms() -> None:
    channels = {"a": FakeChannel(), "b": FakeChannel(), "c": FakeChannel()}
    held = ticket()
    terms = BreakGlass("oncall", 60_000, "break-glass", "", ("prod",), ("room",), ())
    draft = ReviewDraft(held.id, held.draft.requester, "alice", terms, held.draft.request, "d" * 64)
    rig = Rig(
        notice(kind=EventType.BREAKGLASS_USED),
        channels=channels,
        routes={"default": ("a",), "prod": ("b",), "room": ("c",)},
    )
    used = await rig.reviews.break_glass(draft, CheckId("1", 1))
    await rig.run_until(lambda: bool(rig.outbox.done))
    alarm = Alarm(EventType.BREAKGLASS_USED, used.review, used.now)
    assert [channel.alarms for channel in channels.values()] == [[], [alarm], [alarm]]
    assert not any(channel.postings for channel in channels.values())


async def test_an_alarm_about_nothing_is_buried_with_an_alert() -> None:
    rig = Rig(notice(kind=EventType.BREAKGLASS_REVIEWED))
    await rig.run_until(lambda: bool(rig.outbox.buried))
    assert rig.channels["teams"].alarms == []


async def test_copies_go_to_those_who_are_only_told_and_nobody_is_told_twice() -> None:
    """Who is asked and told is asked."""
    rooms = {name: FakeChannel() for name in ("asked", "told", "both")}
    routes: dict[str, tuple[str, ...]] = {"default": ("asked", "both"), "release-room": ("told", "both")}
    rig = Rig(notice(), channels=rooms, routes=routes)
    copying = replace(ticket().draft, requirement=replace(REQUIREMENT, cc=("release-room",)))
    rig.tickets.by_id[ticket().id] = replace(ticket(), draft=copying)
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert {name: [each.copied for each in room.postings] for name, room in rooms.items()} == {
        "asked": [False],
        "told": [True],
        "both": [False],
    }


async def test_without_copies_only_those_who_are_asked_are_told() -> None:
    """Control."""
    rooms = {"asked": FakeChannel(), "told": FakeChannel()}
    rig = Rig(notice(), channels=rooms, routes={"default": ("asked",), "release-room": ("told",)})
    await rig.run_until(lambda: bool(rig.outbox.done))
    assert (len(rooms["asked"].postings), len(rooms["told"].postings)) == (1, 0)
