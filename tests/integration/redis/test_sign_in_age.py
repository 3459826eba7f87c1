"""A vote whose sign-in has to be recent is recorded at a time at which it is, by the stamp that the vote gets."""

from __future__ import annotations

import pytest

from authz.adapters.redis import vote as vote_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script, text_of
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import Choice, State
from authz.services.ports import Loaded
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, draft, vote


async def held(store: RedisTicketStore) -> Loaded:
    ticket_id = (await store.create(draft())).ticket.id
    loaded = await store.load(ticket_id)
    assert loaded is not None
    return loaded


@pytest.mark.parametrize("choice", Choice)
async def test_a_vote_after_its_last_moment_changes_nothing(
    store: RedisTicketStore, link: Link, choice: Choice
) -> None:
    loaded = await held(store)
    state = State.APPROVED if choice is Choice.APPROVE else State.REJECTED
    until = loaded.now + 60
    await advance(link, 61)
    assert await store.vote(loaded.ticket.id, 1, [vote(choice)], state, {}, until) is None
    now = await store.load(loaded.ticket.id)
    assert now is not None
    assert now.ticket == loaded.ticket
    assert await link.command("XLEN", KEYS.audit) == 1


async def test_a_vote_before_its_last_moment_is_taken(store: RedisTicketStore, link: Link) -> None:
    loaded = await held(store)
    await advance(link, 61)
    until = loaded.now + MINUTE
    voted = await store.vote(loaded.ticket.id, 1, [vote()], State.APPROVED, {}, until)
    assert voted is not None
    assert loaded.now + 61 <= voted.ticket.votes[0].at <= until


async def test_control_without_the_comparison_it_is_recorded_too_late(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "now > tonumber(sign_in_until)"
    source = text_of("prelude") + text_of("vote")
    assert guard in source
    monkeypatch.setattr(vote_module, "_SCRIPT", Script.of(source.replace(guard, "false")))
    loaded = await held(store)
    await advance(link, 61)
    voted = await store.vote(loaded.ticket.id, 1, [vote()], State.APPROVED, {}, loaded.now + 60)
    assert voted is not None
    assert voted.ticket.votes[0].at > loaded.now + 60
