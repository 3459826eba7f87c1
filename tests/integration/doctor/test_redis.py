"""A real Redis, looked at by the doctor, which leaves nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authz.adapters.redis.inspection import look_at_redis
from authz.adapters.redis.keys import Keys
from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.services.doctor.redis import RedisFacts, judge_redis
from tests.support.redis_server import RedisServer

Start = Callable[..., RedisServer]
PLENTY = str(1 << 30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[RedisServer] = []

    def run(**options: str) -> RedisServer:
        directory = tmp_path / f"redis{len(servers)}"
        directory.mkdir()
        server = RedisServer(directory, **{"maxmemory": PLENTY, **options})
        server.start()
        servers.append(server)
        return server

    yield run
    for server in servers:
        server.stop()


async def look(url: str, timeout: int = 5000, *, asserted: bool = False) -> RedisFacts:
    facts = RedisFacts(where="redis", local=True, encrypted=False, timeout=timeout)
    return await look_at_redis(facts, RedisSettings(url=url, durability_asserted=asserted))


async def codes(url: str, timeout: int = 5000, *, asserted: bool = False) -> set[str]:
    return {finding.code for finding in judge_redis(await look(url, timeout, asserted=asserted))}


async def test_a_well_kept_redis_is_fine_and_stays_as_it_is(start: Start) -> None:
    server = start()
    assert await codes(server.url) == {"redis-answers"}
    link = Link(server.url, 1, 5000)
    assert await link.command("DBSIZE") == 0
    await link.aclose()
    facts = await look(server.url)
    assert facts.skew is not None
    assert abs(facts.skew) < 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "redis-eviction"),
        ({"appendonly": "no"}, "redis-durability"),
        ({"maxmemory": "0"}, "redis-memory-unbounded"),
        ({"maxmemory": "1"}, "redis-memory"),
    ],
)
async def test_each_wrong_setting_is_named(start: Start, options: dict[str, str], code: str) -> None:
    assert await codes(start(**options).url) == {"redis-answers", code}


async def test_durability_that_is_asserted_is_believed_as_the_servers_do(start: Start) -> None:
    assert await codes(start(appendonly="no").url, asserted=True) == {"redis-answers"}


async def test_another_number_of_partitions_is_named(start: Start) -> None:
    server = start()
    link = Link(server.url, 1, 5000)
    await link.command("HSET", Keys.of(0).meta, "partitions", 4)
    await link.aclose()
    assert await codes(server.url) == {"redis-answers", "redis-partitions"}


async def test_replicas_and_being_one_are_named(start: Start) -> None:
    primary = start()
    replica = start(replicaof=f"127.0.0.1 {primary.port}")
    link = Link(primary.url, 1, 5000)
    assert await link.command("WAIT", 1, 15_000, wait_ms=15_000) == 1
    await link.aclose()
    assert await codes(primary.url) == {"redis-answers", "redis-failover"}
    assert await codes(replica.url) == {"redis-answers", "redis-read-only"}


async def test_a_redis_that_tells_nothing_is_said_to(start: Start) -> None:
    server = start()
    link = Link(server.url, 1, 5000)
    await link.command("ACL", "SETUSER", "mute", "on", ">hunter2", "~*", "+@all", "-info")
    await link.aclose()
    url = server.url.replace("//", "//mute:hunter2@")
    assert await codes(url) == {"redis-answers", "redis-info-hidden", "redis-eviction", "redis-durability"}


async def test_a_late_answer_is_late_by_the_settings_measure(start: Start) -> None:
    assert "redis-late" in await codes(start().url, timeout=0)


async def test_a_frozen_redis_is_an_unreachable_one(start: Start) -> None:
    server = start()
    server.freeze()
    facts = RedisFacts(where="redis", local=True, encrypted=False, timeout=100)
    looked = await look_at_redis(facts, RedisSettings(url=server.url), patience_ms=200)
    assert looked.trouble == "Redis did not answer within 200 ms."
    assert [finding.code for finding in judge_redis(looked)] == ["redis-unreachable"]


async def test_a_wrong_password_is_told_without_the_password(start: Start) -> None:
    server = start(requirepass="right")
    looked = await look(server.url.replace("//", "//:hunter2@"))
    assert [finding.code for finding in judge_redis(looked)] == ["redis-unreachable"]
    assert "hunter2" not in repr(looked)
