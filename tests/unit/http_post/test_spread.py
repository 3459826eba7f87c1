"""Connections with a pool of their own each: bounded, used again, and given back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from authz.adapters.http_post.client import webhook_client
from authz.adapters.http_post.spread import SpreadTransport


class Empty(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""


@dataclass
class Wire:
    """What the connections that were made did. `gate` keeps requests waiting, `broken` is raised."""

    made: list[One] = field(default_factory=list)
    gate: asyncio.Event | None = None
    broken: BaseException | None = None

    def one(self) -> One:
        self.made.append(One(self))
        return self.made[-1]


@dataclass
class One(httpx.AsyncBaseTransport):
    wire: Wire
    hosts: list[str] = field(default_factory=list)
    closed: bool = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        if self.wire.gate is not None:
            await self.wire.gate.wait()
        if self.wire.broken is not None:
            raise self.wire.broken
        return httpx.Response(204, stream=Empty())

    async def aclose(self) -> None:
        self.closed = True


def client(
    wire: Wire, connections: int = 2, keepalive_s: float = 30.0, pool_s: float = 5.0
) -> httpx.AsyncClient:
    transport = SpreadTransport(connections, keepalive_s, wire.one)
    return httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(5.0, pool=pool_s))


async def test_one_after_the_other_takes_one_connection() -> None:
    wire = Wire()
    async with client(wire) as posting:
        for _ in range(5):
            await posting.post("http://one.example/")
    assert [len(one.hosts) for one in wire.made] == [5]
    assert wire.made[0].closed


async def test_there_are_never_more_than_allowed_and_the_others_wait() -> None:
    wire = Wire(gate=asyncio.Event())
    assert wire.gate is not None
    async with client(wire, connections=3) as posting:
        posts = [asyncio.create_task(posting.post("http://one.example/")) for _ in range(20)]
        await asyncio.sleep(0)
        wire.gate.set()
        await asyncio.gather(*posts)
    assert len(wire.made) == 3
    assert sum(len(one.hosts) for one in wire.made) == 20


async def test_who_waits_too_long_for_one_is_told() -> None:
    wire = Wire(gate=asyncio.Event())
    assert wire.gate is not None
    async with client(wire, connections=1, pool_s=0.01) as posting:
        first = asyncio.create_task(posting.post("http://one.example/"))
        await asyncio.sleep(0)
        with pytest.raises(httpx.PoolTimeout, match="all 1 connections were in use"):
            await posting.post("http://one.example/")
        wire.gate.set()
        await first
        await posting.post("http://one.example/")


@pytest.mark.parametrize("error", [httpx.ConnectError("down"), ValueError("a bug")])
async def test_after_an_error_it_is_given_back(error: Exception) -> None:
    wire = Wire(broken=error)
    async with client(wire, connections=1, pool_s=0.01) as posting:
        for _ in range(3):
            with pytest.raises(type(error)):
                await posting.post("http://one.example/")
    assert len(wire.made) == 1


async def test_after_somebody_left_it_is_given_back() -> None:
    wire = Wire(gate=asyncio.Event())
    assert wire.gate is not None
    async with client(wire, connections=1) as posting:
        leaving = asyncio.create_task(posting.post("http://one.example/"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        wire.gate.set()
        await posting.post("http://one.example/")


async def test_a_body_that_nobody_reads_is_given_back_when_it_is_closed() -> None:
    wire = Wire()
    async with client(wire, connections=1, pool_s=0.01) as posting:
        async with posting.stream("POST", "http://one.example/") as answer:
            with pytest.raises(httpx.PoolTimeout):
                await posting.post("http://one.example/")
            await answer.aclose()
            await answer.aclose()
        await asyncio.gather(posting.post("http://one.example/"))
        assert len(wire.made) == 1


async def test_each_place_keeps_its_connection_while_there_is_room() -> None:
    wire = Wire()
    async with client(wire, connections=2) as posting:
        for _ in range(3):
            await posting.post("http://one.example/")
            await posting.post("https://two.example/")
    assert [set(one.hosts) for one in wire.made] == [{"one.example"}, {"two.example"}]


async def test_where_there_is_no_room_the_one_longest_unused_is_taken() -> None:
    wire = Wire()
    async with client(wire, connections=2) as posting:
        for host in ("one", "two", "one", "three"):
            await posting.post(f"http://{host}.example/")
    assert [one.hosts for one in wire.made] == [
        ["one.example", "one.example"],
        ["two.example", "three.example"],
    ]


async def test_what_nobody_used_for_long_is_closed_and_makes_room() -> None:
    wire = Wire()
    async with client(wire, connections=1, keepalive_s=0.0) as posting:
        for _ in range(2):
            await posting.post("http://one.example/")
            await asyncio.sleep(0.001)
    assert [one.closed for one in wire.made] == [True, True]


async def test_a_proxy_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Httpx takes none of them where it is given a transport."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with webhook_client() as direct:
        assert isinstance(direct._transport, SpreadTransport)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    async with webhook_client() as proxied, webhook_client(trust_env=False) as trusting:
        assert proxied._mounts
        assert not isinstance(proxied._transport, SpreadTransport)
        assert isinstance(trusting._transport, SpreadTransport)
