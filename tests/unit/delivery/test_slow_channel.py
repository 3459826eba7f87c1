"""A channel that doesn't answer, and a ticket of many events, keep nothing of other channels waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sized
from dataclasses import dataclass, replace

import pytest

from authz.domain.ticket import Ticket
from authz.services.delivery import DeliverySettings
from authz.services.ports import DeliveryDelayed
from authz.services.shares import Shares
from tests.support.sample_tickets import ticket
from tests.unit.delivery.doubles import FakeChannel
from tests.unit.delivery.rig import SETTINGS, Rig, notice

ROUTES = {"default": (), "slow": ("slow",), "quick": ("quick",), "both": ("slow", "quick")}
PATIENT = replace(SETTINGS, wait_s=3600.0)


def leading(number: int, route: str) -> Ticket:
    one = ticket(number)
    return replace(one, draft=replace(one.draft, requirement=replace(one.draft.requirement, notify=(route,))))


@dataclass
class Rooms:
    """A channel that answers when `gate` is set, and one that does at once."""

    rig: Rig
    gate: asyncio.Event
    slow: FakeChannel
    quick: FakeChannel


def rooms(*tickets: Ticket, settings: DeliverySettings = SETTINGS) -> Rooms:
    """Return a worker that finds a notice for each of these, in this order."""
    gate = asyncio.Event()
    slow, quick = FakeChannel(gate=gate), FakeChannel()
    notices = [notice(number, of=each) for number, each in enumerate(tickets)]
    rig = Rig(*notices, channels={"slow": slow, "quick": quick}, routes=ROUTES, settings=settings)
    rig.tickets.by_id = {each.id: each for each in tickets}
    return Rooms(rig, gate, slow, quick)


def anybody(name: str, held: Mapping[str, Sized]) -> bool:
    assert name
    assert all(held.values())
    return True


SLOW_TICKETS = [leading(number, "slow") for number in range(8)]


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_channel_that_hangs_leaves_places_to_others(
    monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Control: where a channel may have every place, the other one's card waits."""
    if not guarded:
        monkeypatch.setattr(Shares, "admits", lambda _, name, held: anybody(name, held))
    made = rooms(*SLOW_TICKETS, leading(9, "quick"))
    async with made.rig.running():
        if guarded:
            await made.rig.outbox.until(lambda: bool(made.rig.outbox.done))
        else:
            await made.slow.begun.wait()
            await made.rig.renewals(20)
        assert len(made.quick.postings) == (1 if guarded else 0)
        assert made.slow.most == SETTINGS.in_hand - (1 if guarded else 0)
        made.gate.set()
        await made.rig.outbox.until(lambda: len(made.rig.outbox.done) == 9)
    assert len(made.slow.postings) == 8


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_ticket_of_many_events_leaves_places_to_others(guarded: bool) -> None:
    """Control: where its notices wait for each other in hand, they have every place."""
    a = leading(0, "slow")
    made = rooms(a, a, a, a, leading(1, "quick"), settings=SETTINGS if guarded else PATIENT)
    async with made.rig.running():
        if guarded:
            await made.rig.outbox.until(lambda: bool(made.rig.outbox.done))
        else:
            await made.slow.begun.wait()
            await made.rig.renewals(20)
        assert len(made.quick.postings) == (1 if guarded else 0)
        assert made.slow.most == 1, "one at a time of one ticket"
        made.gate.set()
        await made.rig.outbox.until(lambda: len(made.rig.outbox.done) == 5)
    assert made.slow.most == 1


async def test_waiting_for_a_busy_channel_or_ticket_is_no_attempt() -> None:
    a = leading(7, "slow")
    made = rooms(*SLOW_TICKETS[:4], a, a)
    outbox = made.rig.outbox
    async with made.rig.running():
        await outbox.until(lambda: len(outbox.retries) > 10 * SETTINGS.attempts)
        made.gate.set()
        await outbox.until(lambda: len(outbox.done) == 6)
    assert outbox.buried == {}
    assert {(given.attempt, counted) for given, _, _, counted in outbox.retries} == {(1, False)}
    assert all(1_000 <= after_ms <= 31_000 for _, after_ms, _, _ in outbox.retries)
    assert all("busy" in why for _, _, why, _ in outbox.retries)


async def test_a_busy_channel_of_a_route_costs_the_others_no_second_card() -> None:
    made = rooms(*SLOW_TICKETS[:3], leading(9, "both"))
    outbox = made.rig.outbox
    async with made.rig.running():
        await outbox.until(lambda: len(outbox.retries) > 5)
        made.gate.set()
        await outbox.until(lambda: len(outbox.done) == 4)
    assert len(made.quick.postings) == 1
    assert len(made.slow.postings) == 4


async def test_a_channel_that_answers_is_waited_for_and_nothing_is_given_back() -> None:
    """Giving back costs more than posting."""
    made = rooms(*SLOW_TICKETS, settings=PATIENT)
    made.gate.set()
    await made.rig.run_until(lambda: len(made.rig.outbox.done) == 8)
    assert made.rig.outbox.retries == []


async def test_the_time_of_a_post_begins_with_its_place() -> None:
    """Else those who wait would take the channel's answers for lost."""
    made = rooms(*SLOW_TICKETS[:4], settings=replace(PATIENT, post_s=0.05))
    async with made.rig.running():
        await made.rig.outbox.until(lambda: len(made.rig.outbox.retries) >= 4)
        made.gate.set()
        await made.rig.outbox.until(lambda: len(made.rig.outbox.done) == 4)
    assert {name for name, _ in made.rig.watched.failures} == {"slow"}
    assert all(str(DeliveryDelayed("no answer in 0.05 s")) in why for _, _, why, _ in made.rig.outbox.retries)
