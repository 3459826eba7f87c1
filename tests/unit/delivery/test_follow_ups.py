"""Reminders and escalations: scheduled first, told while the ticket is pending, and to whom they concern."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authz.domain.errors import StoreUnavailable
from authz.domain.events import EventType
from authz.domain.requirement import Escalation
from authz.domain.ticket import State, Ticket
from authz.services import errands as errands_module
from authz.services import routes as routes_module
from authz.services.ports import DeliveryRefused, Notice
from tests.support.sample_tickets import BODY, CREATED_AT, REQUIREMENT, approved, ended, ticket
from tests.unit.delivery.doubles import FakeChannel
from tests.unit.delivery.rig import Rig, notice

MINUTE = 60_000
TOLD = replace(
    REQUIREMENT,
    notify=("room",),
    cc=("archive",),
    remind_after_ms=10 * MINUTE,
    escalations=(Escalation(20 * MINUTE, "leads"), Escalation(25 * MINUTE, "night")),
)
ROUTES = {
    "default": ("fallback",),
    "room": ("room-card",),
    "archive": ("archive-card",),
    "leads": ("leads-card",),
    "night": ("night-card", "room-card"),
}
REMINDED, ESCALATED = EventType.TICKET_REMINDED, EventType.TICKET_ESCALATED
CREATED, APPROVED = EventType.TICKET_CREATED, EventType.TICKET_APPROVED
PENDING = ticket(requirement=TOLD)

ENDS = [approved(PENDING), *(ended(PENDING, state) for state in State if not state.live)]


def rig(
    *notices: Notice, of: Ticket = PENDING, after: int = 0, routes: dict[str, tuple[str, ...]] = ROUTES
) -> Rig:
    """Return a worker who finds the ticket like this, so long after it was created."""
    names = {name for route in ROUTES.values() for name in route}
    made = Rig(*notices, channels={name: FakeChannel() for name in names}, routes=routes)
    made.tickets.by_id[of.id] = of
    made.tickets.bodies[of.id] = BODY
    made.tickets.now = CREATED_AT + after
    return made


def told(of: Rig) -> set[str]:
    """Return the channels that anything was posted to."""
    return {name for name, channel in of.channels.items() if channel.postings}


async def settled(worker: Rig) -> None:
    await worker.run_until(lambda: not worker.outbox.waiting and not worker.outbox.leased)
    assert (worker.watched.crashes, worker.watched.store_failures) == ([], [])


async def test_a_new_ticket_has_its_follow_ups_scheduled_before_anybody_is_told() -> None:
    worker = rig(notice(of=PENDING))
    worker.channels["room-card"].gate = gate = asyncio.Event()
    async with worker.running():
        await worker.channels["room-card"].begun.wait()
        due = {key: each.due_at for key, each in worker.outbox.scheduled.items()}
        gate.set()
    assert due == {
        (PENDING.id, REMINDED, 1): CREATED_AT + 10 * MINUTE,
        (PENDING.id, ESCALATED, 1): CREATED_AT + 20 * MINUTE,
        (PENDING.id, ESCALATED, 2): CREATED_AT + 25 * MINUTE,
    }


async def test_they_come_even_if_no_channel_takes_the_card() -> None:
    worker = rig(notice(of=PENDING))
    worker.channels["room-card"].answers = [DeliveryRefused("410")]
    await settled(worker)
    assert worker.watched.burials
    assert len(worker.outbox.scheduled) == 3


async def test_nobody_is_told_before_they_are_scheduled_for_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = rig(notice(of=PENDING))

    async def fails(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(worker.outbox, "schedule", fails)
    async with worker.running():
        await worker.watched.told.wait()
    assert told(worker) == set()
    assert worker.outbox.leased, "the lease runs out, and it is tried again"


@pytest.mark.parametrize("of", [ticket(), approved(PENDING)], ids=["no rule for it", "decided by now"])
async def test_nothing_is_scheduled_without_need(of: Ticket) -> None:
    worker = rig(notice(of=of), of=of)
    await settled(worker)
    assert worker.outbox.scheduled == {}


async def test_a_reminder_goes_to_the_tickets_routes() -> None:
    worker = rig(notice(kind=REMINDED, of=PENDING), after=10 * MINUTE)
    await settled(worker)
    assert told(worker) == {"room-card", "archive-card"}
    [posting] = worker.channels["room-card"].postings
    assert (posting.type, posting.opening, posting.body, posting.copied) == (REMINDED, False, None, False)
    assert worker.channels["archive-card"].postings[0].copied


async def test_a_late_reminder_goes_to_those_as_well_whom_it_was_escalated_to() -> None:
    worker = rig(notice(kind=REMINDED, of=PENDING), after=21 * MINUTE)
    await settled(worker)
    assert told(worker) == {"room-card", "archive-card", "leads-card"}
    assert not worker.channels["leads-card"].postings[0].copied


async def test_an_escalation_asks_its_route_with_everything_and_tells_the_others() -> None:
    worker = rig(notice(kind=ESCALATED, of=PENDING), after=20 * MINUTE)
    await settled(worker)
    assert told(worker) == {"room-card", "archive-card", "leads-card"}
    [asked] = worker.channels["leads-card"].postings
    assert (asked.opening, asked.elsewhere, asked.copied, asked.body) == (True, False, False, BODY)
    [before] = worker.channels["room-card"].postings
    assert (before.opening, before.elsewhere, before.copied, before.body) == (False, True, False, None)
    [copy] = worker.channels["archive-card"].postings
    assert (copy.elsewhere, copy.copied) == (True, True)


async def test_a_channel_that_was_asked_before_is_asked_again_where_the_escalation_leads_there() -> None:
    second = replace(notice(kind=ESCALATED, of=PENDING), rev=2)
    worker = rig(second, after=25 * MINUTE)
    await settled(worker)
    assert told(worker) == {"room-card", "archive-card", "leads-card", "night-card"}
    opening = {name for name in told(worker) if worker.channels[name].postings[0].opening}
    assert opening == {"night-card", "room-card"}


async def test_an_escalation_to_a_route_that_was_removed_goes_to_the_default_and_says_so() -> None:
    routes = {name: to for name, to in ROUTES.items() if name != "leads"}
    worker = rig(notice(kind=ESCALATED, of=PENDING), after=20 * MINUTE, routes=routes)
    await settled(worker)
    assert worker.channels["fallback"].postings[0].opening
    assert worker.watched.routes == ["leads"]


@pytest.mark.parametrize("kind", [REMINDED, ESCALATED])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.state)
@pytest.mark.parametrize("guarded", [True, False])
async def test_nobody_is_told_of_a_ticket_that_is_decided(
    monkeypatch: pytest.MonkeyPatch, kind: EventType, end: Ticket, guarded: bool
) -> None:
    """Control: taken for any other event, it would be posted."""
    if not guarded:
        monkeypatch.setattr(errands_module, "_FOLLOW_UPS", frozenset())
    worker = rig(notice(kind=kind, of=PENDING), of=end, after=20 * MINUTE)
    await settled(worker)
    assert (told(worker) == set()) is guarded
    assert (worker.outbox.done == {"1-0": {}}) is guarded
    assert worker.watched.burials == []


async def test_nobody_is_told_past_the_deadline_either() -> None:
    """Whether or not the end is stored yet."""
    worker = rig(notice(kind=ESCALATED, of=PENDING), after=30 * MINUTE)
    await settled(worker)
    assert told(worker) == set()


async def test_a_ticket_that_is_gone_is_no_dead_letter() -> None:
    worker = rig(notice(kind=REMINDED, of=PENDING), after=10 * MINUTE)
    del worker.tickets.by_id[PENDING.id]
    await settled(worker)
    assert (told(worker), worker.watched.burials) == (set(), [])


@pytest.mark.parametrize(("kind", "rev"), [(REMINDED, 2), (ESCALATED, 3), (ESCALATED, 0)])
async def test_what_the_rule_does_not_ask_for_is_not_told(kind: EventType, rev: int) -> None:
    worker = rig(replace(notice(kind=kind, of=PENDING), rev=rev), after=29 * MINUTE)
    await settled(worker)
    assert told(worker) == set()


@pytest.mark.parametrize("guarded", [True, False])
async def test_whom_it_was_escalated_to_is_told_the_outcome(
    monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Else their card would ask for ever; control: without their route they hear nothing."""
    if not guarded:
        monkeypatch.setattr(routes_module, "escalated_to", lambda *_: ())
    late = replace(approved(PENDING), approved_at=CREATED_AT + 22 * MINUTE)
    worker = rig(notice(kind=APPROVED, of=PENDING), of=late, after=23 * MINUTE)
    await settled(worker)
    assert ("leads-card" in told(worker)) is guarded
    assert "night-card" not in told(worker), "that would have come later"


async def test_whom_it_was_never_escalated_to_is_not_told_the_outcome() -> None:
    worker = rig(notice(kind=APPROVED, of=PENDING), of=approved(PENDING), after=29 * MINUTE)
    await settled(worker)
    assert told(worker) == {"room-card", "archive-card"}
