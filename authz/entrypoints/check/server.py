"""The gRPC server that Envoy's ext_authz filter calls, with gRPC health."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from authz.adapters.telemetry.metrics import Metrics
from authz.entrypoints.check.listed_callers import ListedCallers
from authz.entrypoints.check.mutual_tls import MutualTls
from authz.entrypoints.check.shedding import Admission, Shedding
from authz.entrypoints.listening import remove_forsaken
from authz.services.check.waiting import Waiting
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer, add_AuthorizationServicer_to_server

SERVICE: Final = "envoy.service.auth.v3.Authorization"

_UNIX: Final = "unix:"
_SOCKET_UMASK: Final = 0o117
_MINUTE_MS: Final = 60_000
_CALLERS_PING_MS: Final = 5_000
_OTHER_CALLS: Final = 64
"""Health checks and refusals that gRPC lets through while every check that is admitted is being judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Bounds of the server: checks judged at once, bytes of a message, and milliseconds.

    Those a connection lives, those it may be silent before it is pinged, and those an answer to that may take.
    `max_waiters` checks may wait for people beside those that are judged, each for up to `longest_call_ms`.
    """

    max_concurrent: int
    max_message_bytes: int
    max_waiters: int = 0
    longest_call_ms: int = 0
    connection_age_ms: int = 10 * _MINUTE_MS
    keepalive_ms: int = _MINUTE_MS
    keepalive_timeout_ms: int = 10_000
    reflection: bool = False


class CheckServer:
    """Serves one address. Construct it inside the event loop that runs it."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator
        self,
        handler: AuthorizationServicer,
        listen: str,
        options: ServerOptions,
        metrics: Metrics,
        tls: MutualTls | None = None,
        waiting: Waiting | None = None,
        admission: Admission | None = None,
    ) -> None:
        """`listen` is ADDRESS:PORT (port 0 for a free one) or unix:/path. Raises OSError when it is taken.

        `waiting` is drained before the server stops; `admission` is what the handler shares, where it does.
        """
        self._waiting = waiting
        self._health = health.aio.HealthServicer()
        self._certificates = tls.certificates if tls else None
        self._watching: asyncio.Task[None] | None = None
        self._server = grpc.aio.server(
            interceptors=[ListedCallers(tls.identities, metrics)] if tls else None,
            # Room for health checks, and for the refusal of a whole burst; Shedding keeps the real bound.
            maximum_concurrent_rpcs=2 * options.max_concurrent + options.max_waiters + _OTHER_CALLS,
            options=[
                # On by default: a second server would silently share the port and half of the checks.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", options.max_message_bytes),
                (
                    "grpc.max_concurrent_streams",
                    options.max_concurrent + options.max_waiters + _OTHER_CALLS,
                ),
                # Connections end now and then, so that Envoy's spread over servers that came later.
                ("grpc.max_connection_age_ms", options.connection_age_ms),
                ("grpc.max_connection_age_grace_ms", max(_MINUTE_MS, 2 * options.longest_call_ms)),
                ("grpc.keepalive_time_ms", options.keepalive_ms),
                ("grpc.keepalive_timeout_ms", options.keepalive_timeout_ms),
                # Measured: with the two above alone an idle connection is never pinged, and one whose peer is gone
                # stays for a minute, because what ends it is the limit of any ping.
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.ping_timeout_ms", options.keepalive_timeout_ms),
                # Envoy's own pings (connection_keepalive). By default, three within five minutes end a connection.
                ("grpc.http2.min_ping_interval_without_data_ms", _CALLERS_PING_MS),
            ],
        )
        guarded = Shedding(handler, admission or Admission(options.max_concurrent), metrics)
        add_AuthorizationServicer_to_server(guarded, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if options.reflection:
            reflection.enable_server_reflection(
                (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
            )
        port = self._listen(listen, tls)
        self.address = listen if listen.startswith(_UNIX) else f"{listen.rpartition(':')[0]}:{port}"

    async def start(self) -> None:
        """Serve, and say so to health checks."""
        await self._server.start()
        if self._certificates is not None:
            self._watching = asyncio.create_task(self._certificates.watch(), name="certificates")
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, drain_delay: float, grace: float) -> None:
        """Say not-serving, give Envoy `drain_delay` seconds to notice, then let open checks end within `grace`."""
        await self._health.enter_graceful_shutdown()
        if self._waiting is not None:
            # First, so that their answers are out when the connections close.
            self._waiting.drain()
        await asyncio.sleep(drain_delay)
        await self._server.stop(grace)
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    def _listen(self, listen: str, tls: MutualTls | None) -> int:
        with _socket_of_its_own(listen):
            try:
                if tls is None:
                    return self._server.add_insecure_port(listen)
                return self._server.add_secure_port(listen, tls.certificates.credentials())
            except RuntimeError as error:
                raise OSError(errno.EADDRINUSE, f"can't listen on {listen}") from error


@contextmanager
def _socket_of_its_own(listen: str) -> Iterator[None]:
    """Let gRPC make a unix socket that no other server loses by it, for this account and its group alone."""
    if not listen.startswith(_UNIX):
        yield
        return
    # gRPC removes whatever socket it finds, also that of a server at work, whose checks would end up here.
    remove_forsaken(Path(listen.removeprefix(_UNIX)))
    # The umask and not a chmod afterwards: between the two anybody could connect and claim a principal.
    before = os.umask(_SOCKET_UMASK)
    try:
        yield
    finally:
        os.umask(before)
