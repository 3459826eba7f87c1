from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from authz.adapters.redis.link import Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import StoreUnavailable
from authz.domain.ticket import State
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import NEVER, check, draft, vote
from tests.support.redis_server import RedisServer

MEGABYTE = 1 << 20


async def until_healthy(store: RedisTicketStore, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await store.load(draft().id)
            except StoreUnavailable:
                await asyncio.sleep(0)
            else:
                return


@pytest.mark.parametrize("appendonly", ["yes", "no"])
async def test_what_was_acknowledged_survives_a_kill_only_with_the_append_only_file(
    start_server: Callable[..., RedisServer], appendonly: str
) -> None:
    server = start_server(appendonly=appendonly)
    store = RedisTicketStore(RedisSettings(url=server.url, timeout_ms=5_000, durability_asserted=True))
    acknowledged: list[str] = []
    outage, warmed_up = asyncio.Event(), asyncio.Event()

    async def client(name: int) -> None:
        number = 0
        while not outage.is_set():
            number += 1
            wanted = draft(f"/{name}/{number}", who=f"client-{name}-{number // 90}")
            try:
                await store.create(wanted)
                await store.vote(wanted.id, 1, [vote()], State.APPROVED, {})
                taken = await store.redeem(wanted.id, wanted.fingerprint.digest, check(number), 1, NEVER)
            except StoreUnavailable:
                outage.set()
            else:
                assert taken is RedeemResult.REDEEMED
                acknowledged.append(wanted.id)
                if len(acknowledged) == 200:
                    warmed_up.set()

    clients = [asyncio.create_task(client(name)) for name in range(8)]
    await warmed_up.wait()
    server.kill()
    await asyncio.gather(*clients)
    with pytest.raises(StoreUnavailable):
        await store.load(acknowledged[0])
    server.start()
    await until_healthy(store, 2.0)
    found = [await store.load(identifier) for identifier in acknowledged]
    if appendonly == "no":
        assert not any(found), "the control loses everything"
    else:
        assert {loaded.ticket.state for loaded in found if loaded} == {State.USED_UP}
        assert all(found)
    await store.aclose()


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-random"])
async def test_a_full_redis_refuses_and_forgets_nothing(
    start_server: Callable[..., RedisServer], policy: str
) -> None:
    server = start_server(maxmemory_policy=policy)
    link = Link(server.url, 1, 5_000)
    memory = dict(
        line.split(":", 1)
        for line in cast("bytes", await link.command("INFO", "memory")).decode().split()
        if ":" in line
    )
    await link.command("CONFIG", "SET", "maxmemory", int(memory["used_memory"]) + 4 * MEGABYTE)
    settings = RedisSettings(url=server.url, timeout_ms=5_000, memory_watermark=100)
    store = RedisTicketStore(
        replace(settings, max_open_per_requester=10_000, tickets_per_minute_per_requester=10_000)
    )
    store._trusted = True  # the control is a server that the start refuses
    granted = (await store.create(draft("/granted"))).ticket
    await store.vote(granted.id, 1, [vote()], State.APPROVED, {})
    outbox = RedisOutbox(settings)
    await outbox.take(1, 0)
    made: list[str] = []
    refused = ""
    for number in range(400):
        wanted = draft(f"/{number}")
        try:
            await store.create(wanted, bytes(32_768))
        except StoreUnavailable as error:
            refused = str(error)
            assert await store.load(wanted.id) is None, "nothing of it was written"
            break
        made.append(wanted.id)
    stats = cast("bytes", await link.command("INFO", "stats")).decode()
    evicted = int(stats.partition("evicted_keys:")[2].split()[0])
    if policy == "noeviction":
        assert "OOM" in refused or "maxmemory" in refused
        assert evicted == 0
        assert all([await store.load(identifier) for identifier in made])
        digest = granted.draft.fingerprint.digest
        await link.command("CONFIG", "SET", "maxmemory", MEGABYTE)  # less than a small write would need
        with pytest.raises(StoreUnavailable):
            await store.redeem(granted.id, digest, check(1), 1, NEVER)
        [notice] = await outbox.take(1, 0)
        await outbox.delivered(notice, {"teams": "message-7"})
        assert await outbox.receipts(notice) == {"teams": "message-7"}, "deliveries go on"
        await link.command("CONFIG", "SET", "maxmemory", 0)
        assert await store.redeem(granted.id, digest, check(1), 1, NEVER) is RedeemResult.REDEEMED
        assert len(await store.events("0", 9_999, 0)) == len(made) + 5
    else:
        assert evicted > 0, "the control forgets"
    await store.aclose()
    await outbox.aclose()
    await link.aclose()
