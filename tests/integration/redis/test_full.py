"""A full Redis refuses each transition before anything of it is written: the audit entry is the first write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from authz.adapters.redis import end as end_module
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import State, Ticket
from tests.integration.redis.drafts import draft, ending, vote

Transition = Callable[[RedisTicketStore, Ticket], Awaitable[object]]
TRANSITIONS: dict[str, Transition] = {
    "vote": lambda store, ticket: store.vote(ticket.id, 2, [*ticket.votes, vote()], State.APPROVED, {}),
    "withdraw": lambda store, ticket: store.withdraw(ticket.id, 2, "bob"),
    "cancel": lambda store, ticket: store.end(ticket.id, 2, State.CANCELLED, ending()),
    "supersede": lambda store, ticket: store.supersede(ticket.id, 2, draft("/b")),
    "create": lambda store, _: store.create(draft("/c")),
}


async def voted_on(store: RedisTicketStore) -> Ticket:
    ticket = (await store.create(draft())).ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.PENDING, {})
    assert voted is not None
    return voted.ticket


async def everything(link: Link) -> dict[bytes, object]:
    """Every key with what it holds, but for those that are gone after milliseconds."""
    keys = await link.command("KEYS", "*")
    assert isinstance(keys, list)
    return {
        key: await link.command("DUMP", key)
        for key in keys
        if isinstance(key, bytes) and b":pace:" not in key
    }


@pytest.mark.parametrize("name", TRANSITIONS)
async def test_nothing_is_written(store: RedisTicketStore, link: Link, name: str) -> None:
    ticket = await voted_on(store)
    before = await everything(link)
    await link.command("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match=r"OOM|maxmemory"):
            await TRANSITIONS[name](store, ticket)
        assert await everything(link) == before
    finally:
        await link.command("CONFIG", "SET", "maxmemory", 0)
    assert await TRANSITIONS[name](store, ticket), "and it happens when there is room"


async def test_in_another_order_a_full_redis_would_refuse_nothing(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To take something off a list needs no memory; after such a first write it lets everything pass."""
    source = end_module._SCRIPT.source.decode()
    first = "record(now, event, id, next_rev, data)\n"
    assert first in source
    swapped = source.replace(first, "redis.call('DEL', PENDING)\n" + first)
    monkeypatch.setattr(end_module, "_SCRIPT", Script.of(swapped))
    ticket = await voted_on(store)
    await link.command("CONFIG", "SET", "maxmemory", 1)
    try:
        assert await store.end(ticket.id, 2, State.CANCELLED, ending())
    finally:
        await link.command("CONFIG", "SET", "maxmemory", 0)
