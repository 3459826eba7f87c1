"""Reminders and escalations come once, also when notifiers die or none runs at the due time, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis.keys import Keys
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.requirement import Escalation
from authz.domain.ticket import State, Ticket
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver
from tests.integration.delivery.conftest import LEASE_MS, waiting
from tests.integration.delivery.notifier import Plan, heard, process, running
from tests.support.sample_tickets import REQUIREMENT, draft, vote
from tests.support.workflows_server import SIGNATURE, serving, until

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

SOON = 300
TOLD = replace(REQUIREMENT, remind_after_ms=SOON, escalations=(Escalation(SOON, "default"),))


def plan(settings: RedisSettings, webhook: str, consumer: str, stall: str = "", broken: str = "") -> Plan:
    return Plan(settings.url, webhook, consumer, LEASE_MS, stall=stall, broken=broken)


async def created(store: RedisTicketStore, after: int = SOON) -> Ticket:
    """Hold a request whose reminder and escalation are due so long after."""
    told = replace(TOLD, remind_after_ms=after, escalations=(Escalation(after, "default"),))
    return (await store.create(draft(requirement=told))).ticket


def told(receiver: WorkflowsReceiver) -> Counter[str]:
    """Count the cards of each kind."""
    kinds = {"Reminder: ": "reminded", "Escalated: ": "escalated", '"Approved · ': "approved"}
    cards = (json.dumps(message, ensure_ascii=False) for message in receiver.messages)
    return Counter(next((kinds[words] for words in kinds if words in card), "created") for card in cards)


async def all_told(store: RedisTicketStore) -> None:
    """Wait until nothing waits, neither for its time nor to be delivered; pytest's timeout bounds it."""
    while True:
        if not await store.link.command("ZCARD", Keys.of(0).retry) and not await waiting(store):
            return
        await asyncio.sleep(0.02)


async def came(store: RedisTicketStore, notices: int) -> None:
    """Wait until so many notices are in somebody's hands."""
    while True:
        if await waiting(store) >= notices:
            return
        await asyncio.sleep(0.02)


async def past(store: RedisTicketStore, moment: int) -> None:
    """Wait until it is past a moment by Redis's clock."""
    while True:
        seconds, micros = (int(part) for part in cast("list[bytes]", await store.link.command("TIME")))
        if seconds * 1000 + micros // 1000 > moment:
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("guarded", [True, False])
async def test_killed_between_scheduling_and_posting_nothing_is_lost_and_nothing_comes_twice(
    settings: RedisSettings, store: RedisTicketStore, guarded: bool
) -> None:
    """Fault row 4. Control: one that knows only of what still waits would have it come with each attempt."""
    receiver = WorkflowsReceiver(SIGNATURE)
    broken = "" if guarded else "amnesiac"
    async with (
        serving(receiver) as webhook,
        process(plan(settings, webhook, "first", stall="before")) as first,
    ):
        ticket = await created(store)
        assert await heard(first) == "before"
        await past(store, ticket.created_at + SOON)
        await came(store, 3)
        first.kill()
        await first.wait()
        assert receiver.messages == []
        async with process(plan(settings, webhook, "second", broken=broken)):
            await until(receiver, lambda: told(receiver)["created"] == 1)
            await all_told(store)
    times = 1 if guarded else 2
    assert told(receiver) == {"created": 1, "reminded": times, "escalated": times}


async def test_what_was_due_while_no_notifier_ran_comes_with_the_next(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook:
        async with process(plan(settings, webhook, "first", stall="after")) as first:
            ticket = await created(store)
            assert await heard(first) == "after"
            first.kill()
            await first.wait()
        await past(store, ticket.created_at + SOON)
        async with running(plan(settings, webhook, "second")):
            await until(receiver, lambda: told(receiver)["escalated"] == 1)
            await all_told(store)
    assert told(receiver) == {"created": 2, "reminded": 1, "escalated": 1}, "the card comes again, as ever"


async def test_what_was_decided_meanwhile_is_told_the_outcome_alone(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook:
        async with running(plan(settings, webhook, "first")):
            ticket = await created(store, 3 * LEASE_MS)
            await until(receiver, lambda: told(receiver)["created"] == 1)
        assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        await past(store, ticket.created_at + 3 * LEASE_MS)
        async with running(plan(settings, webhook, "second")) as watched:
            await until(receiver, lambda: told(receiver)["approved"] == 1)
            await all_told(store)
    assert told(receiver) == {"created": 1, "approved": 1}
    assert watched.burials == []


async def test_several_notifiers_share_them(settings: RedisSettings, store: RedisTicketStore) -> None:
    receiver = WorkflowsReceiver(SIGNATURE, per_second=0)
    count = 10
    async with (
        serving(receiver) as webhook,
        running(plan(settings, webhook, "one")),
        running(plan(settings, webhook, "two")),
    ):
        for number in range(count):
            await store.create(draft(number, requirement=TOLD))
        await until(receiver, lambda: told(receiver)["escalated"] == count)
        await all_told(store)
    assert told(receiver) == {"created": count, "reminded": count, "escalated": count}
