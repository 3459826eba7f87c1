"""A Check that redeemed without presenting its ticket, sent again by Envoy: it finds what it used up."""

from __future__ import annotations

import pytest

from authz.adapters.redis import create as create_module
from authz.adapters.redis.script import Script
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.request import CheckId
from authz.domain.ticket import State, Ticket
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import NEVER, check, draft, vote

GUARD = "    or (state == 'used_up' and used_by_this())"


async def used_up(store: RedisTicketStore, *checks: CheckId) -> Ticket:
    ticket = (await store.create(draft("/a", uses=len(checks)))).ticket
    assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    for one in checks:
        digest = ticket.draft.fingerprint.digest
        assert await store.redeem(ticket.id, digest, one, len(checks), NEVER) is RedeemResult.REDEEMED
    return ticket


async def test_the_ticket_that_this_check_used_up_answers_for_it(store: RedisTicketStore) -> None:
    ticket = await used_up(store, check(1), check(2))
    for one in (check(1), check(2)):
        found = await store.create(draft("/a"), b"", one)
        assert (found.created, found.ticket.id, found.ticket.state) == (False, ticket.id, State.USED_UP)


async def test_any_other_check_gets_a_ticket_of_its_own(store: RedisTicketStore) -> None:
    ticket = await used_up(store, check(1))
    for other in (check(2), CheckId("", check(1).time_ns), CheckId(check(1).http_id, 7)):
        found = await store.create(draft("/a"), b"", other)
        assert found.ticket.id != ticket.id
        assert found.ticket.state is State.PENDING


async def test_a_check_without_an_id_is_never_the_same(store: RedisTicketStore) -> None:
    """Design: an empty id is never idempotent."""
    nameless = CheckId("", 1)
    ticket = await used_up(store, nameless)
    assert (await store.create(draft("/a"), b"", nameless)).ticket.id != ticket.id


async def test_control_without_the_guard_the_check_that_was_let_through_is_held(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = create_module._SCRIPT.source.decode()
    assert GUARD in source
    monkeypatch.setattr(create_module, "_SCRIPT", Script.of(source.replace(GUARD, "")))
    ticket = await used_up(store, check(1))
    found = await store.create(draft("/a"), b"", check(1))
    assert (found.created, found.ticket.id == ticket.id) == (True, False)
