"""A channel that fails again and again is left alone, and asked again with one posting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from authz.domain.break_glass import Review
from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.services.circuit import Circuit, CircuitSettings
from authz.services.ports import Alarm, Channel, DeliveryDelayed, DeliveryRefused, Posting
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import ticket
from tests.unit.delivery.doubles import FakeChannel

POSTING = Posting(EventType.TICKET_CREATED, ticket(), 0)
DOWN = DeliveryDelayed("the webhook answered 503")
SETTINGS = CircuitSettings(failures=3, base_s=8.0, max_s=20.0, probe_s=2.0, jitter=lambda most: most)


@dataclass
class Told:
    """What an observer was told, in order."""

    said: list[str] = field(default_factory=list)

    def circuit_opened(self, channel: str, seconds: float, why: str) -> None:
        self.said.append(f"{channel} open {seconds:g} s: {why}")

    def circuit_closed(self, channel: str) -> None:
        self.said.append(f"{channel} closed")


class Scene:
    """A breaker around a channel, on a clock that stands still."""

    def __init__(self, settings: CircuitSettings = SETTINGS) -> None:
        self.channel = FakeChannel()
        self.told = Told()
        self.now = 100.0
        self.circuit = Circuit("teams", self.channel, self.told, settings, clock=lambda: self.now)

    async def fails(self, *errors: Exception) -> None:
        for error in errors:
            self.channel.answers = [error]
            with pytest.raises(type(error)):
                await self.circuit.send(POSTING)

    async def turned_away(self) -> DeliveryDelayed:
        before = len(self.channel.postings)
        with pytest.raises(DeliveryDelayed) as caught:
            await self.circuit.send(POSTING)
        assert len(self.channel.postings) == before
        assert not caught.value.tried
        return caught.value


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_after_so_many_failures_in_a_row_nothing_is_sent_and_nothing_counts(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN)
    assert scene.told.said == ["teams closed"]
    await scene.fails(DOWN)
    assert scene.told.said[1:] == ["teams open 8 s: the webhook answered 503"]
    assert (await scene.turned_away()).after_s == 8
    scene.now += 5
    assert (await scene.turned_away()).after_s == 3


async def test_without_the_bound_it_would_be_asked_for_ever() -> None:
    """Control of the test above."""
    scene = Scene(CircuitSettings(failures=10**9))
    await scene.fails(*[DOWN] * 50)
    assert len(scene.channel.postings) == 50


async def test_an_acceptance_in_between_begins_the_count_again(scene: Scene) -> None:
    for _ in range(4):
        await scene.fails(DOWN, DOWN)
        await scene.circuit.send(POSTING)
    assert scene.told.said == ["teams closed"]


@pytest.mark.parametrize(
    "error",
    [
        DeliveryDelayed("Retry-After", 30.0),
        DeliveryDelayed("paused", 30.0, tried=False),
        DeliveryDelayed("busy", tried=False),
        StoreUnavailable("down"),
        DeliveryRefused("the webhook answered 404"),
    ],
    ids=["names a time", "paused", "not tried", "Redis", "refused"],
)
async def test_what_is_not_the_channels_own_failure_does_not_open_it(scene: Scene, error: Exception) -> None:
    await scene.fails(*[error] * 9)
    await scene.circuit.send(POSTING)
    assert scene.told.said == ["teams closed"]


async def test_a_refusal_is_an_answer_and_begins_the_count_again(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DeliveryRefused("404"), DOWN, DOWN)
    assert scene.told.said == ["teams closed"]


async def test_a_pause_in_between_does_not_begin_the_count_again(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DeliveryDelayed("Retry-After", 30.0), DOWN)
    assert len(scene.told.said) == 2


async def test_afterwards_one_goes_first_and_the_others_come_back_soon(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DOWN)
    scene.now += 8
    scene.channel.gate = asyncio.Event()
    scene.channel.begun.clear()
    first = asyncio.create_task(scene.circuit.send(POSTING))
    await scene.channel.begun.wait()
    assert (await scene.turned_away()).after_s == 2
    scene.channel.gate.set()
    await first
    assert scene.told.said[2:] == ["teams closed"]
    await scene.circuit.send(POSTING)


async def test_each_failure_of_the_first_one_makes_it_longer_up_to_a_bound(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DOWN)
    for _ in range(3):
        scene.now += 1000
        await scene.fails(DOWN)
    assert [line.split(" s:")[0] for line in scene.told.said[1:]] == [
        "teams open 8",
        "teams open 16",
        "teams open 20",
        "teams open 20",
    ]
    scene.now += 1000
    await scene.circuit.send(POSTING)
    await scene.fails(DOWN, DOWN, DOWN)
    assert scene.told.said[-1].startswith("teams open 8 s")


async def test_a_first_one_that_says_nothing_leaves_it_to_the_next(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DOWN)
    scene.now += 8
    await scene.fails(DeliveryDelayed("busy", 1.0, tried=False), DeliveryDelayed("Retry-After", 9.0))
    await scene.circuit.send(POSTING)
    assert scene.told.said[-1] == "teams closed"


async def test_what_was_under_way_when_it_opened_does_not_make_it_longer(scene: Scene) -> None:
    scene.channel.gate = asyncio.Event()
    scene.channel.answers = [DOWN] * 9
    posts = [asyncio.create_task(scene.circuit.send(POSTING)) for _ in range(9)]
    await asyncio.sleep(0)
    assert scene.channel.now == len(posts)
    scene.channel.gate.set()
    await asyncio.gather(*posts, return_exceptions=True)
    assert len(scene.told.said) == 2


async def test_a_bug_and_a_post_that_never_ends_count(scene: Scene) -> None:
    await scene.fails(ValueError("a bug"), ValueError("a bug"))
    scene.channel.gate = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await scene.circuit.send(POSTING)
    assert scene.told.said[1:] == ["teams open 8 s: CancelledError"]


async def test_a_first_one_that_never_ends_does_not_keep_the_others_out(scene: Scene) -> None:
    await scene.fails(DOWN, DOWN, DOWN)
    scene.now += 8
    scene.channel.gate = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await scene.circuit.send(POSTING)
    scene.channel.gate = None
    scene.now += 16
    await scene.circuit.send(POSTING)


async def test_an_alarm_goes_the_same_way(scene: Scene) -> None:
    alarm = Alarm(EventType.BREAKGLASS_USED, Review(review_draft(), 0, 1), 0)
    scene.channel.answers = [DOWN] * 3
    for _ in range(3):
        with pytest.raises(DeliveryDelayed):
            await scene.circuit.alarm(alarm)
    with pytest.raises(DeliveryDelayed) as caught:
        await scene.circuit.alarm(alarm)
    assert not caught.value.tried
    assert len(scene.channel.alarms) == 3


def test_a_time_is_never_none_and_never_more_than_the_bound() -> None:
    settings = CircuitSettings()
    for times in range(1, 200):
        assert settings.base_s / 2 <= settings.open_for_s(times) <= settings.max_s


def test_it_is_a_channel(scene: Scene) -> None:
    channel: Channel = scene.circuit
    assert channel.events == scene.channel.events


async def test_what_the_channel_was_not_asked_says_nothing_about_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a vote on a ticket without a card here, while the chat is down: it ends no row of failures."""

    async def nobody(_posting: Posting) -> str:
        return ""

    await scene.fails(DOWN, DOWN)
    with monkeypatch.context() as patched:
        patched.setattr(scene.channel, "send", nobody)
        assert await scene.circuit.send(POSTING) == ""
    await scene.fails(DOWN)
    assert scene.told.said[1:] == ["teams open 8 s: the webhook answered 503"]
    scene.now += 9
    with monkeypatch.context() as patched:
        patched.setattr(scene.channel, "send", nobody)
        assert await scene.circuit.send(POSTING) == ""
    assert len(scene.told.said) == 2, "it still has to be found out"
    await scene.fails(DOWN)
    assert len(scene.told.said) == 3


async def test_a_receipt_ends_the_row(scene: Scene) -> None:
    """The control of the test above."""
    await scene.fails(DOWN, DOWN)
    assert await scene.circuit.send(POSTING)
    await scene.fails(DOWN, DOWN)
    assert scene.told.said == ["teams closed"]
