"""Redis down, frozen or full: what the policy plainly allows passes, holds and redemptions wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.gate import KEYS, Gate, Held, envoy_before, problem, servers
from tests.support.gate_backing import fresh
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

REDIS_TIMEOUT = 0.4
CHECK_TIMEOUT = 2.0
HEALTHY_SECONDS = 2.0
FEW = 20


@contextmanager
def killed(redis: RedisServer) -> Iterator[None]:
    redis.kill()
    try:
        yield
    finally:
        redis.start()


@contextmanager
def frozen(redis: RedisServer) -> Iterator[None]:
    """Take connections and bytes, and answer nothing: no reset tells anybody."""
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


OUTAGES = {"killed": killed, "frozen": frozen}


@pytest.fixture(scope="module")
def hurried_gate(shared_gate: Gate) -> Iterator[Gate]:
    backing = shared_gate.backing
    environ = {
        **backing.environ(),
        "HOLDGATE_REDIS_TIMEOUT": f"{REDIS_TIMEOUT * 1000:.0f}ms",
        "HOLDGATE_CHECK_TIMEOUT": f"{CHECK_TIMEOUT * 1000:.0f}ms",
    }
    with servers(backing, environ, ("check",)) as running, envoy_before(backing, environ, running) as gate:
        yield gate


@pytest.fixture
def hurried(gate: Gate, hurried_gate: Gate) -> Gate:
    """A gate with tight bounds, before the same Redis."""
    assert gate.backing is hurried_gate.backing
    return hurried_gate


def assert_not_decided(gate: Gate, *requests: bytes) -> None:
    began = time.monotonic()
    for answer in gate.burst(requests):
        assert (answer.status, problem(answer)) == (503, "unavailable")
        assert answer.values("retry-after") == [b"1"]
        assert b"edis" not in answer.body
    assert time.monotonic() - began < CHECK_TIMEOUT


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_redis_only_what_needs_it_waits(outage: str, hurried: Gate) -> None:
    pending, approved = hurried.hold(fresh("hold")), fresh("hold")
    grant = hurried.approved(approved)
    stored = {ticket.id: hurried.record(ticket.id) for ticket in (pending, grant)}
    new, allowed = fresh("hold"), fresh("open")
    with OUTAGES[outage](hurried.backing.redis):
        assert_not_decided(hurried, hurried.request(new), hurried.request(approved, grant.ticket))
        assert_not_decided(hurried, hurried.request(f"/.holdgate/tickets/{pending.id}", pending.ticket))
        assert {answer.status for answer in hurried.burst([hurried.request(allowed)] * FEW)} == {200}
        assert hurried.send(fresh("closed")).status == 403
        assert problem(hurried.send(new, ("x-approval-ticket", b"hg1.forged"))) == "ticket-refused"
        assert_not_decided(hurried, *[hurried.request(fresh("hold")) for _ in range(FEW)])
    assert hurried.hits(allowed) == FEW
    until("holding again", lambda: hurried.send(new).status == 202, HEALTHY_SECONDS)
    assert stored == {ticket: hurried.record(ticket) for ticket in stored}
    assert hurried.send(approved, grant.ticket).status == 200
    assert (hurried.hits(new), hurried.hits(approved)) == (0, 1)


def test_nothing_acknowledged_is_lost_when_redis_is_killed_under_load(hurried: Gate) -> None:
    paths = [fresh("hold") for _ in range(FEW)]
    grants = [hurried.approved(path) for path in paths[:3]]
    answers = hurried.burst([hurried.request(path) for path in paths[3:]])
    redeemed = hurried.send(paths[0], grants[0].ticket)
    with killed(hurried.backing.redis):
        pass
    assert redeemed.status == 200
    until("redeeming again", lambda: hurried.send(paths[1], grants[1].ticket).status == 200, HEALTHY_SECONDS)
    assert problem(hurried.send(paths[0], grants[0].ticket)) == "used-up"
    after = hurried.burst([hurried.request(path) for path in paths[3:]])
    assert [answer.values("x-approval-ticket") for answer in after] == [
        answer.values("x-approval-ticket") for answer in answers
    ]
    assert [hurried.hits(path) for path in paths[:3]] == [1, 1, 0]


def test_a_full_redis_holds_and_redeems_nothing_and_evicts_nothing(hurried: Gate) -> None:
    path = fresh("hold")
    grant = hurried.approved(path)
    before = hurried.record(grant.id)
    with hurried.backing.database() as database:
        database.config_set("maxmemory", "1mb")
        try:
            assert_not_decided(hurried, hurried.request(fresh("hold")), hurried.request(path, grant.ticket))
            assert hurried.send(fresh("open")).status == 200
            assert hurried.hits(path) == 0
        finally:
            database.config_set("maxmemory", "0")
        assert database.info("stats")["evicted_keys"] == 0
    assert hurried.record(grant.id) == before
    assert hurried.send(path, grant.ticket).status == 200


@pytest.mark.parametrize("damage", ["another type", "a field missing", "another release's"])
def test_a_record_that_cannot_be_read_lets_nothing_through(damage: str, hurried: Gate) -> None:
    path = fresh("hold")
    held = hurried.approved(path)
    spoil(hurried, held, damage)
    assert_not_decided(hurried, hurried.request(path, held.ticket))
    assert hurried.hits(path) == 0


def spoil(gate: Gate, held: Held, damage: str) -> None:
    key = KEYS.ticket(held.id)
    with gate.backing.database() as database:
        match damage:
            case "another type":
                database.delete(key)
                database.set(key, "approved")
            case "a field missing":
                database.hdel(key, "record")
            case _:
                database.hset(key, "record", b'{"v": 999}')
