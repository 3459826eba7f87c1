"""The gRPC server that Envoy's ext_authz filter calls, with gRPC health."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer, add_AuthorizationServicer_to_server

SERVICE = "envoy.service.auth.v3.Authorization"

_MINUTE_MS = 60_000


class CheckServer:
    """Serves one address. Construct it inside the event loop that runs it."""

    def __init__(
        self, handler: AuthorizationServicer, listen: str, *, max_concurrent: int, max_message_bytes: int
    ) -> None:
        """`listen` is HOST:PORT (port 0 for a free one) or unix:/path. Raises RuntimeError when it is taken."""
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=max_concurrent,
            options=[
                # On by default: a second server would silently share the port and half of the checks.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_concurrent_streams", max_concurrent),
                # Connections end now and then, so that Envoy's spread over servers that came later.
                ("grpc.max_connection_age_ms", 10 * _MINUTE_MS),
                ("grpc.max_connection_age_grace_ms", _MINUTE_MS),
                ("grpc.keepalive_time_ms", _MINUTE_MS),
                ("grpc.keepalive_timeout_ms", 10_000),
            ],
        )
        add_AuthorizationServicer_to_server(handler, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        port = self._server.add_insecure_port(listen)
        self.address = listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"

    async def start(self) -> None:
        """Serve, and say so to health checks."""
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, drain_delay: float, grace: float) -> None:
        """Say not-serving, give Envoy `drain_delay` seconds to notice, then let open checks end within `grace`."""
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(drain_delay)
        await self._server.stop(grace)
