"""A thousand presses of two minds, taken by two services over one Redis: one decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from authz.adapters.redis import vote as vote_module
from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.script import Script
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.identity import Identity
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, TicketDraft
from authz.services.chat_deciding import ChatDeciding, Press, PressAnswer
from authz.services.permissions import BuiltInRule
from authz.services.voting import TooContended, VotingService
from tests.integration.redis.rivals import VOTE_GUARD
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import ISSUER, draft

pytestmark = [pytest.mark.redis_server, pytest.mark.timeout(120)]

PRESSES = 1_000
DECIDED = {EventType.TICKET_APPROVED, EventType.TICKET_REJECTED}


@pytest.fixture
async def deciding(settings: RedisSettings) -> AsyncIterator[Sequence[ChatDeciding]]:
    patient = replace(settings, timeout_ms=30_000, max_connections=32)
    stores = [RedisTicketStore(patient) for _ in range(2)]
    services = [
        ChatDeciding(
            store,
            VotingService(store, SampleDirectory(), BuiltInRule(), SignInRules(), timeout=5),
            RedisCardBook(store, patient),
        )
        for store in stores
    ]
    yield services
    for store in stores:
        await store.aclose()


def press(held: TicketDraft, number: int, at: int) -> Press:
    """Every second one is bob's approval, the others are carol's rejection; no two are the same press."""
    name, choice = ("bob", Choice.APPROVE) if number % 2 else ("carol", Choice.REJECT)
    return Press(
        channel="chat",
        callback=f"press-{number}",
        at=at,
        method="teams",
        identity=Identity(ISSUER, f"{name}-1"),
        name=name,
        ticket_id=held.id,
        choice=choice,
        comment="because",
        shown_digest=held.fingerprint.payload_digest,
    )


async def press_all(
    store: RedisTicketStore, deciding: Sequence[ChatDeciding], presses: int
) -> tuple[list[PressAnswer | BaseException], list[EventType]]:
    """Return what each was answered, and which decisions the audit has."""
    created = await store.create(draft())
    held, at = created.ticket.draft, created.now
    answers = await asyncio.gather(
        *(deciding[number % 3 % 2].decide(press(held, number, at)) for number in range(presses)),
        return_exceptions=True,
    )
    events = await store.events("0", 10 * PRESSES, 0)
    return answers, [event.type for event in events if event.type in DECIDED]


async def test_of_a_thousand_conflicting_presses_one_decides_and_the_others_are_told(
    store: RedisTicketStore, deciding: Sequence[ChatDeciding]
) -> None:
    """Fault row 20."""
    answers, decisions = await press_all(store, deciding, PRESSES)
    assert len(decisions) == 1
    counted = [one for one in answers if isinstance(one, PressAnswer) and not one.code]
    loaded = await store.load(draft().id)
    assert loaded is not None
    [vote] = loaded.ticket.votes
    assert (vote.choice is Choice.APPROVE) is (decisions == [EventType.TICKET_APPROVED])
    # Whoever voted so already is told that it counts, and nobody else.
    assert counted
    raised = [one for one in answers if isinstance(one, BaseException)]
    assert all(isinstance(one, TooContended) for one in raised)
    codes = {one.code for one in answers if isinstance(one, PressAnswer)}
    assert codes <= {"", "already-decided", "already-voted"}


async def test_without_the_compare_and_set_both_would_decide(
    store: RedisTicketStore, deciding: Sequence[ChatDeciding], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control of the test above."""
    source = vote_module._SCRIPT.source.decode()
    assert VOTE_GUARD in source
    unguarded = Script.of(
        source.replace(VOTE_GUARD, "").replace(
            "if redis.call('HEXISTS', ticket, 'vote:' .. number) == 1 then", "if false then"
        )
    )
    monkeypatch.setattr(vote_module, "_SCRIPT", unguarded)
    _, decisions = await press_all(store, deciding, 40)
    assert len(decisions) > 1
