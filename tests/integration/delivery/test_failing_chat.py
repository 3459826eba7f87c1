"""Fault row 5 and its neighbours: a real Redis, a real receiver that answers as a vendor in trouble does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from authz.adapters.http_post import answer, poster
from authz.adapters.http_post.answer import Answer
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.requirement import Requirement
from authz.domain.ticket import State
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver
from tests.integration.delivery.conftest import LEASE_MS, all_settled, waiting
from tests.integration.delivery.notifier import Plan, running
from tests.support.faulty_receiver import Fault, FaultyReceiver
from tests.support.redis_server import RedisServer
from tests.support.sample_tickets import REQUIREMENT, draft, vote
from tests.support.workflows_server import SIGNATURE, serving, until

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(60)]

RETRY_AFTER_S = 2


def plan(settings: RedisSettings, webhook: str, attempts: int = 5, answer_s: float = 20.0) -> Plan:
    return Plan(settings.url, webhook, "test", LEASE_MS, attempts, answer_s)


async def dead_letters(store: RedisTicketStore) -> int:
    length = await store.link.command("XLEN", Keys.of(0).dead)
    assert isinstance(length, int)
    return length


@pytest.mark.parametrize("status", [429, 503])
async def test_nothing_is_posted_before_the_time_that_was_asked_for(
    settings: RedisSettings, store: RedisTicketStore, status: int
) -> None:
    busy = Fault(status, {"retry-after": str(RETRY_AFTER_S)})
    receiver = FaultyReceiver(SIGNATURE, per_second=0, faults=[busy, busy])
    async with serving(receiver) as webhook, running(plan(settings, webhook)):
        await store.create(draft(1))
        await until(receiver, lambda: len(receiver.received) == 1)
        await store.create(draft(2))  # a second card must not slip into the first one's pause
        await posted(receiver, 2)
        await all_settled(store)
    assert len(receiver.messages) == 2
    first, second, third, *_ = receiver.received
    assert second.at - first.at >= RETRY_AFTER_S
    assert third.at - second.at >= RETRY_AFTER_S


async def posted(receiver: WorkflowsReceiver, messages: int) -> None:
    """Wait until so many cards were taken."""
    await until(receiver, lambda: len(receiver.messages) == messages)


async def test_a_deaf_notifier_would_post_too_early(
    settings: RedisSettings, store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with Retry-After unread, the same receiver sees the next request too early."""
    monkeypatch.setattr(answer, "retry_after_s", lambda _value, _now: 0.0)
    receiver = FaultyReceiver(SIGNATURE, faults=[Fault(429, {"retry-after": str(RETRY_AFTER_S)})])
    async with serving(receiver) as webhook, running(plan(settings, webhook)):
        await store.create(draft())
        await until(receiver, lambda: len(receiver.messages) == 1)
    first, second = receiver.received
    assert second.at - first.at < RETRY_AFTER_S


async def test_a_chat_that_stays_down_ends_in_a_dead_letter_and_an_alert_and_the_ticket_stays_pending(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = FaultyReceiver(SIGNATURE, per_second=0, faults=[Fault(500)] * 50)
    async with serving(receiver) as webhook, running(plan(settings, webhook, attempts=3)) as watched:
        await store.create(draft())
        await until(receiver, lambda: len(receiver.received) == 3)
        await watched.alerted.wait()
        assert await dead_letters(store) == 1
        assert await waiting(store) == 0
    assert [why for _, why in watched.burials] == ["teams: the webhook answered 500"]
    assert len(receiver.received) == 3
    loaded = await store.load(draft().id)
    assert loaded is not None
    assert loaded.ticket.state is State.PENDING


async def test_without_the_bound_it_would_be_tried_on_and_nobody_alerted(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """The control of the one above: the same receiver, and more attempts."""
    receiver = FaultyReceiver(SIGNATURE, per_second=0, faults=[Fault(500)] * 50)
    async with serving(receiver) as webhook, running(plan(settings, webhook, attempts=50)) as watched:
        await store.create(draft())
        await until(receiver, lambda: len(receiver.received) == 5)
        assert await dead_letters(store) == 0
        assert not watched.alerted.is_set()


async def test_a_wrong_address_is_a_dead_letter_at_once(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, running(plan(settings, f"{webhook}x")) as watched:
        await store.create(draft())
        await watched.alerted.wait()
        assert await dead_letters(store) == 1
    assert [entry.status for entry in receiver.received] == [401]


async def test_a_chat_that_accepts_and_then_hangs_gets_the_card_again_and_nothing_is_lost(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = FaultyReceiver(SIGNATURE, faults=[Fault(hang_s=30)])
    async with serving(receiver) as webhook, running(plan(settings, webhook, answer_s=0.3)) as watched:
        await store.create(draft())
        await posted(receiver, 2)
        await all_settled(store)
    assert len(receiver.messages) == 2
    assert [told for _, told in watched.failures] == ["the webhook gave no answer in 0.3 s"]


async def test_who_took_no_answer_for_an_acceptance_would_send_it_once(
    settings: RedisSettings, store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the one above; had the chat not accepted it, the card would be lost."""
    asking = poster.Poster._answer

    async def believing(self: poster.Poster, message: bytes, headers: Mapping[str, str]) -> Answer | str:
        told = await asking(self, message, headers)
        return Answer(202, {}, empty=True) if isinstance(told, str) else told

    monkeypatch.setattr(poster.Poster, "_answer", believing)
    receiver = FaultyReceiver(SIGNATURE, faults=[Fault(hang_s=30)])
    async with serving(receiver) as webhook, running(plan(settings, webhook, answer_s=0.3)):
        await store.create(draft())
        await posted(receiver, 1)
        await all_settled(store)
    assert len(receiver.messages) == 1


async def test_a_ticket_that_is_decided_before_its_card_goes_out_asks_nobody(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    created = await store.create(draft())
    await store.vote(created.ticket.id, created.ticket.rev, [vote()], State.APPROVED, {})
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, running(plan(settings, webhook)):
        await all_settled(store)
    summaries = [str(message["summary"]) for message in receiver.messages]
    assert len(summaries) == 2
    assert all(summary.startswith("Approved · ") for summary in summaries)


async def test_an_expired_ticket_is_ended_and_told_within_a_second_of_its_deadline(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    requirement: Requirement = replace(REQUIREMENT, expires_in_ms=1200)
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, running(plan(settings, webhook)):
        created = await store.create(draft(requirement=requirement))
        await posted(receiver, 2)
    events = await store.events("0", 10, 0)
    [expired] = [event for event in events if event.type is EventType.TICKET_EXPIRED]
    assert 0 <= expired.at - created.ticket.expires_at <= 1000
    assert str(receiver.messages[1]["summary"]).startswith("Expired: nobody decided in time")


async def test_a_redis_that_is_killed_and_comes_back_loses_no_card(
    server: RedisServer, settings: RedisSettings, store: RedisTicketStore
) -> None:
    receiver = WorkflowsReceiver(SIGNATURE, per_second=0)
    async with serving(receiver) as webhook, running(plan(settings, webhook)) as watched:
        await store.create(draft(1))
        await posted(receiver, 1)
        await all_settled(store)
        server.kill()
        await watched.told.wait()
        server.start()
        await store.create(draft(2))
        await posted(receiver, 2)
        await all_settled(store)
    assert len(receiver.messages) == 2
    assert "taking notices" in watched.store_failures


async def test_many_tickets_at_once_stay_below_the_vendors_rate(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """Twelve at once; the receiver counts as the vendor does and would say 429."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, running(replace(plan(settings, webhook), per_second=4)):
        for number in range(12):
            await store.create(draft(number))
        await posted(receiver, 12)
    assert {entry.status for entry in receiver.received} == {202}


async def test_an_unpaced_notifier_would_be_told_to_slow_down(
    settings: RedisSettings, store: RedisTicketStore
) -> None:
    """The control of the one above."""
    receiver = WorkflowsReceiver(SIGNATURE)
    async with serving(receiver) as webhook, running(replace(plan(settings, webhook), per_second=1000)):
        for number in range(12):
            await store.create(draft(number))
        await until(receiver, lambda: any(entry.status == 429 for entry in receiver.received))
