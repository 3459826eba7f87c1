from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from bench.question import check_request
from bench.redis_use import commands, more
from bench.servers import Servers, running
from bench.targets import Target

pytestmark = pytest.mark.redis_server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running(tmp_path_factory.mktemp("servers")) as started:
        yield started


@pytest.fixture
def redis(servers: Servers) -> Iterator[Redis]:
    with Redis.from_url(servers.redis.url, socket_timeout=10) as client:
        yield client


def test_a_plain_allow_costs_no_redis_command(servers: Servers, redis: Redis) -> None:
    """By Redis's own count, and so that an outage of Redis stops no request that needs no person."""
    target = Target("holdgate", servers.address, servers.pids, servers.metrics)
    before = commands(redis)
    for number in range(20):
        assert target.answer(check_request(number=number)).status.code == 0
    assert more(before, commands(redis)) == {}


def test_a_hold_costs_some(servers: Servers, redis: Redis) -> None:
    """Control: the count would show it."""
    target = Target("holdgate", servers.address, servers.pids, servers.metrics)
    before = commands(redis)
    assert target.answer(check_request("/projects/7", "DELETE")).denied_response.status.code == 202
    assert "evalsha" in more(before, commands(redis))
