"""Turns are in order, waited for where they end quickly, and refused where they don't."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sized

import pytest

from authz.services import turns as turns_module
from authz.services.shares import Shares, one_each
from authz.services.turns import AWAY_MAX_S, AWAY_S, Busy, Turns

LONG_S = 60.0
SHORT_S = 0.02


async def held(turns: Turns, name: str, until: asyncio.Event, order: list[str], label: str) -> None:
    async with turns.turn(name):
        order.append(label)
        await until.wait()


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_turns_come_in_the_order_of_asking_and_one_at_a_time() -> None:
    turns, order = Turns(one_each, LONG_S), list[str]()
    gates = [asyncio.Event() for _ in range(4)]
    tasks = [
        asyncio.create_task(held(turns, "a", gate, order, str(place))) for place, gate in enumerate(gates)
    ]
    for place, gate in enumerate(gates):
        await settle()
        assert order == [str(each) for each in range(place + 1)]
        gate.set()
    await asyncio.gather(*tasks)


async def test_names_do_not_wait_for_each_other() -> None:
    turns = Turns(one_each, LONG_S)
    async with turns.turn("a"), turns.turn("b"):
        pass


async def test_who_finds_none_in_time_is_sent_away_and_nothing_was_tried() -> None:
    turns = Turns(one_each, SHORT_S)
    async with turns.turn("a"):
        with pytest.raises(Busy) as caught:
            async with turns.turn("a"):
                pytest.fail("two at once")
    assert not caught.value.tried
    assert caught.value.after_s == pytest.approx(AWAY_S, abs=0.1)
    async with turns.turn("a"):
        pass


async def test_where_turns_are_long_nobody_waits() -> None:
    """It would keep a place of those in hand for as long."""
    turns = Turns(one_each, SHORT_S)
    async with turns.turn("a"):
        await passed(SHORT_S)
        late = asyncio.create_task(held(turns, "a", asyncio.Event(), [], "late"))
        await settle()
        assert isinstance(late.exception(), Busy)


async def test_one_long_turn_of_several_sends_nobody_away() -> None:
    """One answer that is lost doesn't make a slow channel."""
    turns, order = Turns(Shares(1, 4).admits, SHORT_S), list[str]()
    never, soon = asyncio.Event(), asyncio.Event()
    long = asyncio.create_task(held(turns, "a", never, order, "long"))
    await settle()
    await passed(SHORT_S)
    quick = [asyncio.create_task(held(turns, "a", soon, order, "quick")) for _ in range(3)]
    waiting = asyncio.create_task(held(turns, "a", soon, order, "waiting"))
    await settle()
    assert not waiting.done()
    soon.set()
    await asyncio.gather(*quick, waiting)
    assert order == ["long", *["quick"] * 3, "waiting"]
    never.set()
    await long


async def test_those_sent_away_come_back_ever_further_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "APART_S", 10.0)
    turns = Turns(one_each, 0.0)
    afters: list[float] = []
    async with turns.turn("a"):
        for _ in range(5):
            with pytest.raises(Busy) as caught:
                async with turns.turn("a"):
                    pytest.fail("two at once")
            afters.append(caught.value.after_s)
    assert afters == pytest.approx([1.0, 11.0, 21.0, AWAY_MAX_S, AWAY_MAX_S], abs=0.5)
    assert turns._back == {}, "what is known of a name is forgotten with its last turn"


@pytest.mark.parametrize("moment", ["before", "same"])
async def test_who_is_cancelled_while_waiting_leaves_no_turn_behind(moment: str) -> None:
    turns, order = Turns(one_each, LONG_S), list[str]()
    gate = asyncio.Event()
    first = asyncio.create_task(held(turns, "a", gate, order, "first"))
    second = asyncio.create_task(held(turns, "a", gate, order, "second"))
    await settle()
    if moment == "same":  # it is given the turn, and cancelled before it can know
        gate.set()
        await asyncio.wait({first})
    second.cancel()
    gate.set()
    await asyncio.gather(first, second, return_exceptions=True)
    async with turns.turn("a"):
        pass
    assert (turns._begun, turns._waiting) == ({}, {})


async def passed(seconds: float) -> None:
    """Return when the loop's clock says that more than this has passed."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * seconds, over.set)
    await over.wait()


def held_by(**counts: int) -> Mapping[str, Sized]:
    return {name: range(count) for name, count in counts.items() if count}


def most(shares: Shares, name: str, **others: int) -> int:
    """Return how many one channel can have while the others have so many."""
    count = 0
    while count < 1000 and shares.admits(name, held_by(**others, **{name: count})):
        count += 1
    return count


def test_a_channel_alone_has_every_place() -> None:
    assert most(Shares(1, 32), "a") == 32


def test_a_channel_has_most_places_while_the_others_are_quiet() -> None:
    assert most(Shares(2, 32), "a") == 24
    assert most(Shares(4, 32), "a") == 20


@pytest.mark.parametrize("channels", [2, 3, 5, 16])
def test_whatever_all_others_have_there_is_a_place_left(channels: int) -> None:
    shares, taken = Shares(channels, 32), dict[str, int]()
    for number in range(channels - 1):
        taken[f"slow{number}"] = most(shares, f"slow{number}", **taken)
    left = most(shares, "quick", **taken)
    assert left >= 1
    assert sum(taken.values()) + left <= 32


def test_with_fewer_places_than_channels_each_has_one() -> None:
    assert most(Shares(5, 2), "a", b=1, c=1, d=1, e=1) == 1
