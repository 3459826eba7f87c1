"""A notifier is killed with SIGKILL at the worst moments, as a real process beside another one."""

from __future__ import annotations

import time

import pytest

from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import State
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver
from tests.integration.delivery.conftest import LEASE_MS, all_settled, waiting
from tests.integration.delivery.notifier import Plan, heard, process
from tests.support.faulty_receiver import Fault, FaultyReceiver
from tests.support.sample_tickets import draft
from tests.support.workflows_server import SIGNATURE, serving, until

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

RESENT_WITHIN_S = LEASE_MS / 1000 + 2.0


def plan(settings: RedisSettings, webhook: str, consumer: str, stall: str = "", broken: str = "") -> Plan:
    return Plan(settings.url, webhook, consumer, LEASE_MS, stall=stall, broken=broken)


@pytest.mark.parametrize("answered", [False, True], ids=["answer on its way", "answered"])
async def test_killed_after_the_chat_accepted_the_card_is_posted_once_more(
    settings: RedisSettings, store: RedisTicketStore, answered: bool
) -> None:
    """Fault row 3: nothing lost, at most two cards, and the second one soon."""
    receiver = FaultyReceiver(SIGNATURE, faults=() if answered else [Fault(hang_s=30)])
    stall = "after" if answered else ""
    async with (
        serving(receiver) as webhook,
        process(plan(settings, webhook, "first", stall=stall)) as first,
    ):
        await store.create(draft())
        await until(receiver, lambda: len(receiver.messages) == 1)
        if answered:
            assert await heard(first) == "after"
        async with process(plan(settings, webhook, "second")):
            assert await waiting(store) == 1
            first.kill()
            killed_at = time.monotonic()
            await until(receiver, lambda: len(receiver.messages) == 2)
            assert time.monotonic() - killed_at <= RESENT_WITHIN_S
            await all_settled(store)
    assert len(receiver.messages) == 2
    loaded = await store.load(draft().id)
    assert loaded is not None
    assert (loaded.ticket.state, loaded.ticket.rev) == (State.PENDING, 1)


async def test_while_a_notifier_lives_nobody_else_posts_its_card(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """Its lease is renewed for as long as the chat keeps it waiting, here for three leases."""
    receiver = FaultyReceiver(SIGNATURE, faults=[Fault(hang_s=3 * LEASE_MS / 1000)])
    async with (
        serving(receiver) as webhook,
        process(plan(settings, webhook, "first")),
        process(plan(settings, webhook, "second")),
    ):
        await store.create(draft())
        await all_settled(store)
    assert len(receiver.messages) == 1


async def test_killed_before_the_post_nothing_is_lost(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """Fault row 4."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with (
        serving(receiver) as webhook,
        process(plan(settings, webhook, "first", stall="before")) as first,
    ):
        await store.create(draft())
        assert await heard(first) == "before"
        async with process(plan(settings, webhook, "second")):
            assert receiver.messages == []
            first.kill()
            killed_at = time.monotonic()
            await until(receiver, lambda: len(receiver.messages) == 1)
            assert time.monotonic() - killed_at <= RESENT_WITHIN_S
            await all_settled(store)
    assert len(receiver.messages) == 1


async def test_restarted_under_its_own_name_it_goes_on_where_it_was_killed(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """One notifier and a supervisor, as most installations have it."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook:
        async with process(plan(settings, webhook, "only", stall="before")) as first:
            await store.create(draft(1))
            await store.create(draft(2))
            assert await heard(first) == "before"
            first.kill()
            await first.wait()
        async with process(plan(settings, webhook, "only")):
            await until(receiver, lambda: len(receiver.messages) == 2)
            await all_settled(store)


async def test_acknowledging_first_would_lose_the_card(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """The control of row 4: with the order turned round, the same kill leaves nothing to be posted."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook:
        async with process(plan(settings, webhook, "first", stall="before", broken="careless")) as first:
            await store.create(draft())
            assert await heard(first) == "before"
            first.kill()
            await first.wait()
        assert await waiting(store) == 0
    assert receiver.messages == []


async def test_never_acknowledging_would_post_without_end(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """The control of row 3: without the acknowledgement there is a third card, and more."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, process(plan(settings, webhook, "first", broken="forgetful")):
        await store.create(draft())
        await until(receiver, lambda: len(receiver.messages) == 3)
        assert await waiting(store) == 1
