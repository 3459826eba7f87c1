"""One channel that doesn't answer, behind a real outbox: the others' cards come, and its own come when it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import TicketDraft
from authz.services.backoff import Backoff
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.reach import Reach
from authz.services.routes import Routes
from authz.services.shares import Shares
from tests.integration.delivery.conftest import all_settled
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import draft
from tests.unit.delivery.doubles import FakeChannel, Watched

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

BOUNDS = DeliverySettings(in_hand=8, wait_s=0.05, block_ms=20, backoff=Backoff(0.0, 0.0))
EACH = 12


def leading(number: int, route: str) -> TicketDraft:
    one = draft(number)
    return replace(one, requirement=replace(one.requirement, notify=(route,)))


async def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so; pytest's timeout bounds it."""
    while True:
        if reached():
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_channel_that_hangs_holds_up_its_own_cards_alone(
    store: RedisTicketStore,
    outbox: RedisOutbox,
    settings: RedisSettings,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """Control: where it may have every place in hand, nothing else is delivered as long as it hangs."""
    if not guarded:
        monkeypatch.setattr(Shares, "admits", lambda *_: True)
    for number in range(EACH):
        await store.create(leading(number, "slow"))
    for number in range(EACH, 2 * EACH):
        await store.create(leading(number, "quick"))
    gate, watched = asyncio.Event(), Watched()
    slow, quick = FakeChannel(gate=gate), FakeChannel()
    routes = Routes({"slow": slow, "quick": quick}, {"default": (), "slow": ("slow",), "quick": ("quick",)})
    reviews = RedisReviewStore(store, settings)
    errands = Errands(outbox, store, reviews, routes, Reach(SampleDirectory()), watched)
    delivery = Delivery(outbox, errands, watched, BOUNDS)
    stop = asyncio.Event()
    running = asyncio.create_task(delivery.run(stop))
    await until(lambda: slow.now == (6 if guarded else BOUNDS.in_hand))
    reached = EACH if guarded else 0
    await until(lambda: len(quick.postings) == reached)
    assert slow.now == (6 if guarded else BOUNDS.in_hand)
    gate.set()
    await until(lambda: len(slow.postings) == len(quick.postings) == EACH)
    await all_settled(store)
    stop.set()
    await running
    assert (len(slow.postings), len(quick.postings)) == (EACH, EACH)
    assert (watched.burials, watched.crashes) == ([], [])
