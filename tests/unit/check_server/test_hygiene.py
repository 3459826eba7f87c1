"""What keeps a check server to itself, and answering, whatever others do."""

from __future__ import annotations

import asyncio
import socket
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health, health_pb2_grpc

from authz.adapters.telemetry.metrics import Metrics
from authz.entrypoints.check import server as server_module
from authz.entrypoints.check.server import CheckServer
from authz.wire.ext_authz_pb2 import CheckRequest
from authz.wire.ext_authz_pb2_grpc import add_AuthorizationServicer_to_server
from tests.unit.check_server.reflected import reflected_file, reflected_services
from tests.unit.check_server.serving import BOUNDS, Answering, ask, connected, healthy, serving

REFLECTING = replace(BOUNDS, reflection=True)
SHED = grpc.StatusCode.RESOURCE_EXHAUSTED
OK = grpc.StatusCode.OK


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="check-") as folder:  # pytest's paths are too long for a socket
        yield Path(folder)


def second(listen: str) -> CheckServer:
    return CheckServer(Answering(), listen, BOUNDS, Metrics())


async def test_a_second_server_does_not_get_the_port() -> None:
    async with serving() as (server, _):
        with pytest.raises(OSError, match="can't listen on"):
            second(server.address)


async def test_control_with_reuseport_a_second_server_would_share_it() -> None:
    options = [("grpc.so_reuseport", 1)]
    first, other = grpc.aio.server(options=options), grpc.aio.server(options=options)
    port = first.add_insecure_port("127.0.0.1:0")
    assert other.add_insecure_port(f"127.0.0.1:{port}") == port
    await first.stop(0)
    await other.stop(0)


async def test_a_second_server_does_not_take_the_socket_away(sockets: Path) -> None:
    listen = f"unix:{sockets / 'check.sock'}"
    async with serving(listen) as (_, handler):
        with pytest.raises(OSError, match="in use"):
            second(listen)
        async with connected(listen) as channel:
            assert await ask(channel) is OK
        assert handler.checks == 1


async def test_control_without_a_look_before_a_second_server_takes_the_socket_away(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "remove_forsaken", lambda _: None)
    listen = f"unix:{sockets / 'check.sock'}"
    async with serving(listen) as (_, first), serving(listen) as (_, thief), connected(listen) as channel:
        assert await ask(channel) is OK
        assert (first.checks, thief.checks) == (0, 1)


async def test_the_socket_of_a_killed_server_is_taken_over_and_is_not_for_everybody(sockets: Path) -> None:
    path = sockets / "check.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with serving(f"unix:{path}") as (server, _), connected(server.address) as channel:
        assert await ask(channel) is OK
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_control_without_the_umask_everybody_could_claim_any_principal(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_SOCKET_UMASK", 0)
    path = sockets / "check.sock"
    async with serving(f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o007


async def test_a_file_is_not_taken_for_a_forsaken_socket(sockets: Path) -> None:
    path = sockets / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="in use"):
        second(f"unix:{path}")
    assert path.read_text() == "data"


async def overloaded(channel: grpc.aio.Channel, handler: Answering, times: int) -> list[asyncio.Task[Any]]:
    """Fill the server with checks that aren't answered, and return them and as many more as `times` asks for."""
    handler.open.clear()
    admitted = [asyncio.create_task(ask(channel)) for _ in range(BOUNDS.max_concurrent)]
    await handler.reached(BOUNDS.max_concurrent)
    return admitted + [asyncio.create_task(ask(channel)) for _ in range((times - 1) * BOUNDS.max_concurrent)]


async def test_what_is_too_much_is_refused_at_once_and_what_was_admitted_is_answered() -> None:
    metrics = Metrics()
    async with serving(metrics=metrics) as (server, handler), connected(server.address) as channel:
        calls = await overloaded(channel, handler, 10)
        admitted, rest = calls[: BOUNDS.max_concurrent], calls[BOUNDS.max_concurrent :]
        began = monotonic()
        assert Counter(await asyncio.gather(*rest)) == {SHED: len(rest)}
        assert monotonic() - began < 2
        assert not any(each.done() for each in admitted)
        handler.open.set()
        assert Counter(await asyncio.gather(*admitted)) == {OK: len(admitted)}
        assert handler.checks == BOUNDS.max_concurrent
        assert await ask(channel) is OK, "there is room again"
    assert metrics.registry.get_sample_value("holdgate_checks_shed_total") == len(rest)


async def test_control_without_the_bound_everything_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Shedding", lambda handler, _limit, _metrics: handler)
    async with serving() as (server, handler), connected(server.address) as channel:
        calls = await overloaded(channel, handler, 3)
        await handler.reached(3 * BOUNDS.max_concurrent)
        handler.open.set()
        await asyncio.gather(*calls)


async def test_a_cancelled_check_makes_room(metrics: Metrics) -> None:
    async with serving(metrics=metrics) as (server, handler), connected(server.address) as channel:
        calls = await overloaded(channel, handler, 1)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        handler.open.set()
        until = monotonic() + 5
        while await ask(channel) is SHED:
            assert monotonic() < until, "the cancelled checks still count"


async def test_an_overloaded_server_still_answers_health_checks() -> None:
    async with serving() as (server, handler), connected(server.address) as channel:
        calls = await overloaded(channel, handler, 2)
        async with connected(server.address) as probe:
            assert await healthy(probe)
        handler.open.set()
        await asyncio.gather(*calls)


async def test_control_with_grpcs_own_bound_health_would_be_refused() -> None:
    handler = Answering()
    server = grpc.aio.server(maximum_concurrent_rpcs=BOUNDS.max_concurrent)
    add_AuthorizationServicer_to_server(handler, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connected(f"127.0.0.1:{port}") as channel, connected(f"127.0.0.1:{port}") as probe:
        calls = await overloaded(channel, handler, 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await healthy(probe)
        assert refused.value.code() is SHED
        handler.open.set()
        await asyncio.gather(*calls)
    await server.stop(0)


async def test_a_message_beyond_the_bound_is_refused_unread() -> None:
    request = CheckRequest()
    request.attributes.request.http.raw_body = bytes(BOUNDS.max_message_bytes)
    async with serving() as (server, handler), connected(server.address) as channel:
        assert await ask(channel, request) is SHED
        assert handler.checks == 0
        request.attributes.request.http.raw_body = bytes(BOUNDS.max_message_bytes - 1024)
        assert await ask(channel, request) is OK


async def test_control_without_the_bound_a_message_of_any_length_is_read() -> None:
    request = CheckRequest()
    request.attributes.request.http.raw_body = bytes(8 << 20)
    async with serving(options=replace(BOUNDS, max_message_bytes=-1)) as (server, handler):
        async with connected(server.address) as channel:
            assert await ask(channel, request) is OK
        assert handler.checks == 1


async def test_connections_grow_no_older_than_agreed_and_no_check_is_lost_by_it() -> None:
    aged = replace(BOUNDS, connection_age_ms=300)
    async with serving(options=aged) as (server, handler), connected(server.address) as channel:
        until = monotonic() + 10
        while len(handler.peers) < 3:
            assert await ask(channel) is OK
            assert monotonic() < until


async def test_reflection_is_off_unless_asked_for() -> None:
    async with serving() as (server, _), connected(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await reflected_services(channel)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_reflection_tells_the_services_and_their_messages() -> None:
    async with serving(options=REFLECTING) as (server, _), connected(server.address) as channel:
        assert await reflected_services(channel) == [
            "envoy.service.auth.v3.Authorization",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
        described = await reflected_file(channel, "envoy.service.auth.v3.Authorization")
        services = [
            service.name for file in described for service in FileDescriptorProto.FromString(file).service
        ]
        assert services == ["Authorization"]
