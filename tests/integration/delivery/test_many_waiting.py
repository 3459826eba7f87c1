"""However many notices wait, a notifier holds a few of them in its memory and leaves the others in Redis."""

from __future__ import annotations

import asyncio
import resource
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.services.delivery import Delivery, DeliverySettings
from authz.services.errands import Errands
from authz.services.ports import Notice
from authz.services.reach import Reach
from authz.services.routes import Routes
from tests.integration.delivery.conftest import STREAM, waiting
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import draft
from tests.unit.delivery.doubles import FakeChannel, Watched

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(120)]

WAITING = 100_000
IN_HAND = 32
GREED = 3_000
MEMORY_MAX = 1 << 20
"""Bytes. What is greedy below takes more than twice as much."""

_FILL = Script.of("""
for number = 1, ARGV[1] do
  redis.call('XADD', KEYS[1], '*', 'type', 'ticket.created', 'ticket', ARGV[2], 'rev', number, 'attempt', 0)
end
return 1
""")


class Greedy(RedisOutbox):
    """Takes as much as Redis gives in one call."""

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        assert limit <= IN_HAND
        return await super().take(GREED, block_ms)


async def held_and_memory(
    store: RedisTicketStore, outbox: RedisOutbox, settings: RedisSettings
) -> tuple[int, int]:
    """Deliver to a channel that doesn't answer; return how many notices are in hand, and the bytes that it took."""
    ticket = (await store.create(draft())).ticket
    await store.link.run(_FILL, (STREAM,), (WAITING, ticket.id))
    channel = FakeChannel(gate=asyncio.Event())
    watched = Watched()
    reviews = RedisReviewStore(store, settings)
    routes = Routes({"ops": channel}, {"default": ("ops",)})
    errands = Errands(outbox, store, reviews, routes, Reach(SampleDirectory()), watched)
    # All are of one ticket, and wait for each other: none of them is to be given back meanwhile.
    bounds = DeliverySettings(in_hand=IN_HAND, wait_s=120.0, block_ms=50, drain_s=0.0)
    delivery = Delivery(outbox, errands, watched, bounds)
    stop = asyncio.Event()
    tracemalloc.start()
    try:
        running = asyncio.create_task(delivery.run(stop))
        await channel.begun.wait()
        while True:
            if delivery.in_hand >= IN_HAND:
                break
            await asyncio.sleep(0.01)
        held = delivery.in_hand
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    stop.set()
    await running
    assert not watched.crashes
    return held, peak


async def test_a_hundred_thousand_take_no_more_memory_than_those_in_hand(
    store: RedisTicketStore, outbox: RedisOutbox, settings: RedisSettings
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held, peak = await held_and_memory(store, outbox, settings)
    assert held == IN_HAND
    assert peak < MEMORY_MAX
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 16 * MEMORY_MAX
    given_back = await store.link.command("ZCARD", Keys.of(0).retry)
    assert isinstance(given_back, int)
    assert await waiting(store) + given_back == WAITING + 1, "none was lost"


async def test_without_the_bound_all_of_them_would_be_in_memory(
    store: RedisTicketStore, settings: RedisSettings
) -> None:
    """Control of the test above."""
    greedy = Greedy(replace(settings, timeout_ms=60_000))
    held, peak = await held_and_memory(store, greedy, settings)
    await greedy.aclose()
    assert held >= GREED
    assert peak > 2 * MEMORY_MAX
