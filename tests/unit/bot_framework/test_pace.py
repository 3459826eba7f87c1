"""However much is to be written, it stays below what the vendor publishes, in any window."""

from __future__ import annotations

import math

import pytest

from authz.adapters.bot_framework import pace
from authz.adapters.bot_framework.pace import Pace, Rate
from tests.unit.bot_framework.conftest import Clock

PUBLISHED = ((1.0, 7), (2.0, 8), (30.0, 60), (3600.0, 1800))


def sent_at(pace: Pace, clock: Clock, conversation: str, count: int) -> list[float]:
    """Write as fast as turns are given, and return when."""
    moments = []
    for _ in range(count):
        given, wait_s = pace.turn(conversation, math.inf)
        assert given
        clock.now += wait_s
        moments.append(clock.now)
    return moments


def most_in(moments: list[float], seconds: float) -> int:
    return max(sum(1 for other in moments if 0 <= other - at < seconds) for at in moments)


@pytest.mark.parametrize(("seconds", "most"), PUBLISHED)
def test_one_conversation_stays_below_each_figure(clock: Clock, seconds: float, most: int) -> None:
    moments = sent_at(Pace(clock), clock, "one", 2_200 if seconds > 60 else 200)
    assert most_in(moments, seconds) <= most
    assert moments[-1] - moments[0] > seconds


@pytest.mark.parametrize(("seconds", "most"), PUBLISHED)
def test_without_the_pace_it_would_not(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, most: int
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(pace, "PER_CONVERSATION", (Rate(1, 15.0),))
    moments = sent_at(Pace(clock), clock, "one", 2_200 if seconds > 60 else 200)
    assert most_in(moments, seconds) > most


def test_all_conversations_together_stay_below_thirty_a_second(clock: Clock) -> None:
    given = Pace(clock)
    moments = [sent_at(given, clock, str(number), 1)[0] for number in range(200)]
    assert most_in(moments, 1.0) <= 30


def test_a_short_burst_waits_for_nothing(clock: Clock) -> None:
    start = clock.now
    assert sent_at(Pace(clock), clock, "one", 5) == pytest.approx([start] * 5, abs=1e-3)


def test_who_would_wait_too_long_takes_no_turn(clock: Clock) -> None:
    given = Pace(clock)
    sent_at(given, clock, "one", 5)
    for _ in range(3):
        turn, wait_s = given.turn("one", 0.5)
        assert not turn
        assert wait_s == pytest.approx(1 / 1.5, abs=1e-3)
    turn, wait_s = given.turn("one", 1.0)
    assert turn
    assert wait_s == pytest.approx(1 / 1.5, abs=1e-3)


def test_those_who_wait_have_their_turns_one_after_the_other(clock: Clock) -> None:
    given = Pace(clock)
    sent_at(given, clock, "one", 5)
    waits = [given.turn("one", 10.0)[1] for _ in range(3)]
    assert waits == pytest.approx([1 / 1.5, 2 / 1.5, 3 / 1.5], abs=1e-3)


def test_a_pause_is_of_one_conversation_and_a_longer_one_stays(clock: Clock) -> None:
    given = Pace(clock)
    given.pause("one", 60.0)
    given.pause("one", 1.0)
    turn, wait_s = given.turn("one", 10.0)
    assert not turn
    assert wait_s == pytest.approx(60.0, abs=1e-3)
    assert given.turn("two", 10.0) == (True, 0.0)
    clock.now += 60.0
    assert given.turn("one", 10.0) == (True, 0.0)


def test_only_so_many_conversations_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "CONVERSATIONS_MAX", 2)
    given = Pace(clock)
    for name in ("old", "new", "old", "newest"):
        given.pause(name, 60.0)
    assert given.turn("old", 1.0)[0] is False
    assert given.turn("new", 1.0)[0] is True
