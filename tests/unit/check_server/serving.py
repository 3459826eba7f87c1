"""A check server in the test's own loop, and clients with certificates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from authz.adapters.telemetry.metrics import Metrics
from authz.domain.envoy_identity import EnvoyIdentities
from authz.entrypoints.check.certificates import CertificateFiles, ServerCertificates
from authz.entrypoints.check.mutual_tls import MutualTls
from authz.entrypoints.check.server import CheckServer, ServerOptions
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer, AuthorizationStub
from tests.e2e.envoy_config.certificates import Authority, Pair

NAME = "check.test"
BOUNDS = ServerOptions(max_concurrent=4, max_message_bytes=64 * 1024)


class Answering(AuthorizationServicer):
    """Answers as soon as `open` is set, and counts."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.checks = 0
        self.peers: set[str] = set()
        self._came = asyncio.Condition()

    async def Check(self, request: CheckRequest, context: Any) -> CheckResponse:  # noqa: ANN401, ARG002, N802 - gRPC's
        self.checks += 1
        self.peers.add(context.peer())
        async with self._came:
            self._came.notify_all()
        await self.open.wait()
        return CheckResponse()

    async def reached(self, checks: int) -> None:
        """Wait until so many checks have come."""
        async with self._came, asyncio.timeout(10):
            await self._came.wait_for(lambda: self.checks >= checks)


@asynccontextmanager
async def serving(
    listen: str = "127.0.0.1:0",
    options: ServerOptions = BOUNDS,
    tls: MutualTls | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[tuple[CheckServer, Answering]]:
    handler = Answering()
    server = CheckServer(handler, listen, options, metrics or Metrics(), tls)
    await server.start()
    try:
        yield server, handler
    finally:
        handler.open.set()
        await server.stop(0, 0)


def files(authority: Authority, pair: Pair) -> CertificateFiles:
    return CertificateFiles(pair.certificate, pair.key, authority.certificate)


def mutual(authority: Authority, pair: Pair, metrics: Metrics, *identities: str) -> MutualTls:
    return MutualTls(ServerCertificates(files(authority, pair), metrics), EnvoyIdentities(identities))


@asynccontextmanager
async def connected(
    address: str, authority: Authority | None = None, pair: Pair | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """Connect anew; with an authority over TLS, with a pair showing that certificate."""
    alone = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", NAME)]
    if authority is None:
        channel = grpc.aio.insecure_channel(address, options=alone[:1])
    else:
        credentials = grpc.ssl_channel_credentials(
            authority.certificate.read_bytes(),
            pair.key.read_bytes() if pair else None,
            pair.certificate.read_bytes() if pair else None,
        )
        channel = grpc.aio.secure_channel(address, credentials, options=alone)
    async with channel:
        yield channel


async def ask(channel: grpc.aio.Channel, request: CheckRequest | None = None) -> grpc.StatusCode:
    """Send one check and return its status."""
    stub: Any = AuthorizationStub(channel)
    try:
        await stub.Check(request or CheckRequest(), timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def healthy(channel: grpc.aio.Channel) -> bool:
    """Ask for the server's health, as Envoy does. Raises grpc.aio.AioRpcError."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
