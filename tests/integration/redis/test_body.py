"""What is kept of a body lies beside the ticket: read only for people, and gone before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.ticket import Choice, State, Ticket
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, vote

DAY = 24 * 60 * MINUTE


async def test_a_body_comes_back_as_it_was_and_is_no_part_of_the_ticket(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft(), bytes(range(256)))).ticket
    assert await store.body(ticket.id) == bytes(range(256))
    held = cast("list[bytes]", await link.command("HGETALL", KEYS.ticket(ticket.id)))
    assert not [value for value in held if b'"body"' in value]


async def test_without_a_body_there_is_no_key(store: RedisTicketStore, link: Link) -> None:
    ticket = (await store.create(draft())).ticket
    assert await store.body(ticket.id) is None
    assert await link.command("EXISTS", KEYS.body(ticket.id)) == 0


async def test_an_equal_request_does_not_change_what_is_shown(store: RedisTicketStore) -> None:
    first = (await store.create(draft(), BODY)).ticket
    wanted = draft()
    again = await store.create(wanted, b"another")
    assert again.ticket.id == first.id
    assert await store.body(first.id) == BODY
    assert await store.body(wanted.id) is None


@pytest.mark.parametrize("text", ["", "0", "0-abc", "1-" + "a" * 26, "x" * 200])
async def test_an_id_of_no_ticket_has_no_body(store: RedisTicketStore, text: str) -> None:
    assert await store.body(text) is None


async def _approved(store: RedisTicketStore, ticket: Ticket) -> None:
    assert await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})


async def _reject(store: RedisTicketStore, ticket: Ticket, link: Link) -> None:  # noqa: ARG001 - as the others
    assert await store.vote(ticket.id, 1, [vote(Choice.REJECT)], State.REJECTED, {})


async def _expire(store: RedisTicketStore, ticket: Ticket, link: Link) -> None:  # noqa: ARG001 - as the others
    await advance(link, 31 * MINUTE)
    assert await store.expire_due(9) == 1


async def _use_up(store: RedisTicketStore, ticket: Ticket, link: Link) -> None:  # noqa: ARG001 - as the others
    await _approved(store, ticket)
    await store.redeem(ticket.id, ticket.draft.fingerprint.digest, check(1), 1, NEVER)


async def _lapse(store: RedisTicketStore, ticket: Ticket, link: Link) -> None:
    await _approved(store, ticket)
    await advance(link, 16 * MINUTE)
    assert await store.expire_due(9) == 1


Ending = Callable[[RedisTicketStore, Ticket, Link], Awaitable[None]]


@pytest.mark.parametrize("ending", [_reject, _expire, _use_up, _lapse])
async def test_a_body_is_kept_for_its_own_time_after_the_end(
    store: RedisTicketStore, link: Link, ending: Ending
) -> None:
    """A day by default, while its ticket stays for seven."""
    ticket = (await store.create(draft(), BODY)).ticket
    await ending(store, ticket, link)
    loaded = await store.load(ticket.id)
    assert loaded is not None
    assert loaded.ticket.ended_at is not None
    gone = await link.command("PEXPIRETIME", KEYS.body(ticket.id))
    assert gone == loaded.ticket.ended_at + DAY
    assert await link.command("PEXPIRETIME", KEYS.ticket(ticket.id)) == loaded.ticket.ended_at + 7 * DAY


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED])
async def test_a_body_is_there_for_as_long_as_its_ticket_lives(
    store: RedisTicketStore, link: Link, state: State
) -> None:
    ticket = (await store.create(draft(), BODY)).ticket
    if state is State.APPROVED:
        await _approved(store, ticket)
    loaded = await store.load(ticket.id)
    assert loaded is not None
    over = loaded.ticket.window_until or loaded.ticket.expires_at
    assert await link.command("PEXPIRETIME", KEYS.body(ticket.id)) == over + DAY


async def test_a_body_never_outlives_its_ticket(settings: RedisSettings, link: Link) -> None:
    store = RedisTicketStore(replace(settings, retention_ms=1_000, body_retention_ms=DAY))
    ticket = (await store.create(draft(), BODY)).ticket
    await _reject(store, ticket, link)
    times = [await link.command("PEXPIRETIME", key) for key in (KEYS.body(ticket.id), KEYS.ticket(ticket.id))]
    assert times[0] == min(cast("list[int]", times))
    await store.aclose()


async def test_a_forgotten_ticket_takes_its_body_with_it(settings: RedisSettings, link: Link) -> None:
    store = RedisTicketStore(replace(settings, reject_cooldown_ms=1))
    ticket = (await store.create(draft(), BODY)).ticket
    await _reject(store, ticket, link)
    await advance(link, 8 * DAY)
    await store.expire_due(9)
    assert await link.command("EXISTS", KEYS.ticket(ticket.id), KEYS.body(ticket.id)) == 0
    await store.aclose()


async def test_a_body_that_cannot_be_read_is_an_error(store: RedisTicketStore, link: Link) -> None:
    ticket = (await store.create(draft())).ticket
    await link.command("HSET", KEYS.ticket(ticket.id), "record", '{"v":1,"value":{"request":{"body":7}}}')
    with pytest.raises(RecordUnreadable, match="a stored body"):
        await store.body(ticket.id)
