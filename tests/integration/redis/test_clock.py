"""Only Redis's clock counts: not this process's, and not Redis's own when it steps back."""

from __future__ import annotations

import time
from typing import cast

import pytest

from authz.adapters.redis import create
from authz.adapters.redis.link import Link
from authz.adapters.redis.script import Script
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import State
from authz.services.ports import RedeemResult
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import MINUTE, NEVER, check, draft, vote

HOUR = 3_600


@pytest.mark.parametrize("offset", [-HOUR, HOUR])
async def test_a_process_clock_that_is_an_hour_off_changes_nothing(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    wall, nanos = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: wall() + offset)
    monkeypatch.setattr(time, "time_ns", lambda: nanos() + offset * 1_000_000_000)
    ticket = (await store.create(draft(expires_in_ms=30 * MINUTE))).ticket
    redis_ms = int(cast("list[bytes]", await link.command("TIME"))[0]) * 1000
    assert abs(ticket.created_at - redis_ms) <= 1_000
    assert await store.expire_due(10) == 0
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    if offset > 0:  # what the process's clock would have said
        assert voted.ticket.state_at(int(time.time() * 1000)) is State.LAPSED
    assert voted.ticket.state_at(voted.now) is State.APPROVED
    await advance(link, 15 * MINUTE)
    digest = ticket.draft.fingerprint.digest
    assert await store.redeem(ticket.id, digest, check(1), 1, NEVER) is RedeemResult.LAPSED
    assert await store.expire_due(10) == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_redis_clock_that_steps_back_does_not_take_time_back(
    store: RedisTicketStore, link: Link, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        source = create._SCRIPT.source.decode()
        assert "if last > ms then" in source
        monkeypatch.setattr(
            create, "_SCRIPT", Script.of(source.replace("if last > ms then", "if false then"))
        )
    first = (await store.create(draft("/a"))).ticket
    await link.command(
        "SET", KEYS.clock, first.created_at + HOUR * 1000
    )  # stamped before the clock was set back
    second = (await store.create(draft("/b"))).ticket
    assert (second.created_at == first.created_at + HOUR * 1000) is guarded
    if guarded:
        loaded = await store.load(first.id)
        assert loaded is not None
        assert loaded.ticket.state_at(loaded.now) is State.EXPIRED


async def test_a_deadline_comes_true_within_a_second_of_real_time(
    store: RedisTicketStore, link: Link
) -> None:
    ticket = (await store.create(draft(expires_in_ms=300))).ticket
    while await store.expire_due(10) == 0:
        pass
    seconds, micros = (int(part) for part in cast("list[bytes]", await link.command("TIME")))
    assert 0 <= seconds * 1000 + micros // 1000 - ticket.expires_at < 1_000
