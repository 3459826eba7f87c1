"""What uvicorn would do by itself, and must not do here."""

from __future__ import annotations

import asyncio
import logging
import signal

import httpx
import pytest
import uvicorn

from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.server import ConsoleServer
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.world import KEY, World, sign_in, vote_form


async def test_a_person_votes_by_plain_http(guard: DemoGuard) -> None:
    """As the demo's walk does: cookies and forms, and no back door."""
    bound = loopback_socket()
    url = address_of(bound)
    world = World(guard, public_url=url)
    ticket = await world.held()
    async with served(world.app, bound), httpx.AsyncClient(base_url=url, headers={"origin": url}) as bob:
        await sign_in(bob, one_time_address(url, KEY), "bob")
        answer = await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    assert answer.status_code == 303
    assert (await world.now(ticket)).state == "approved"
    assert "server" not in answer.headers


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-forwarded-proto"])
async def test_no_header_changes_who_the_peer_is(guard: DemoGuard, header: str) -> None:
    bound = loopback_socket()
    url = address_of(bound)
    world = World(guard, public_url=url)
    async with served(world.app, bound), httpx.AsyncClient(base_url=url) as client:
        answer = await client.get(one_time_address(url, KEY), headers={header: "127.0.0.1"})
    assert answer.status_code == 403


async def test_the_secret_reaches_no_log(guard: DemoGuard, caplog: pytest.LogCaptureFixture) -> None:
    bound = loopback_socket()
    url = address_of(bound)
    address = one_time_address(url, KEY)
    with caplog.at_level(logging.DEBUG):
        # httpx would log what it asks for; this is about the server.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        async with served(World(guard, public_url=url).app, bound), httpx.AsyncClient() as client:
            assert (await client.get(address)).status_code == 200
    assert address.partition("secret=")[2] not in caplog.text


async def test_more_connections_than_the_bound_are_turned_away(guard: DemoGuard) -> None:
    bound = loopback_socket()
    world = World(guard, public_url=address_of(bound))
    async with served(world.app, bound, connections=2):
        idle = [await asyncio.open_connection(*bound.getsockname()) for _ in range(2)]
        async with httpx.AsyncClient() as client:
            assert (await client.get(address_of(bound))).status_code == 503
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()


async def test_the_process_keeps_its_signal_handlers(
    guard: DemoGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    bound = loopback_socket()
    async with served(World(guard, public_url=address_of(bound)).app, bound):
        assert signal.getsignal(signal.SIGTERM) is before
    # The control: uvicorn as it comes takes them.
    monkeypatch.setattr(ConsoleServer, "capture_signals", uvicorn.Server.capture_signals)
    bound = loopback_socket()
    async with served(World(guard, public_url=address_of(bound)).app, bound):
        assert signal.getsignal(signal.SIGTERM) is not before
