"""The management API's own gRPC server."""

from __future__ import annotations

from pathlib import Path

import grpc

from authz.entrypoints.management.address import local_target, socket_path
from authz.entrypoints.management.authenticator import Authenticator
from authz.entrypoints.management.boundary import Boundary
from authz.entrypoints.management.deliveries_service import DeliveriesService
from authz.entrypoints.management.feed import Feed, WatchLimits
from authz.entrypoints.management.service import ApprovalsService
from authz.services.dead_letters import DeadLetterService
from authz.services.ports import TicketStore
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.wire.holdgate.v1.approvals_pb2_grpc import add_ApprovalsServicer_to_server
from authz.wire.holdgate.v1.deliveries_pb2_grpc import add_DeliveriesServicer_to_server

CONCURRENT_CALLS = 64
OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server must fail to bind, not silently share the port
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", CONCURRENT_CALLS),
    ("grpc.keepalive_time_ms", 30_000),  # a watcher that vanished without a word gives its seat back
    ("grpc.keepalive_timeout_ms", 10_000),
)


class ManagementServer:
    """Serves holdgate.v1 on an address of this machine, to callers whom the authenticator proves.

    Construct it inside the event loop that serves it. Raises ValueError for an address elsewhere, and
    RuntimeError when the address can't be bound.
    """

    def __init__(  # noqa: PLR0913 - one argument for each thing it needs
        self,
        store: TicketStore,
        voting: VotingService,
        reviewing: ReviewingService,
        authenticator: Authenticator,
        *,
        listen: str,
        limits: WatchLimits | None = None,
        letters: DeadLetterService | None = None,
    ) -> None:
        """`listen` is HOST:PORT on loopback (port 0 picks a free one) or `unix:/path/to/socket`.

        holdgate.v1.Deliveries is served where there are `letters`.
        """
        limits = limits or WatchLimits()
        target = local_target(listen)
        self._feed = Feed(store, limits)
        self._server = grpc.aio.server(
            interceptors=[Boundary(authenticator, write_timeout=limits.write_timeout)],
            options=OPTIONS,
            maximum_concurrent_rpcs=CONCURRENT_CALLS,
        )
        add_ApprovalsServicer_to_server(ApprovalsService(store, voting, reviewing, self._feed), self._server)
        if letters is not None:
            add_DeliveriesServicer_to_server(DeliveriesService(voting, letters), self._server)
        port = self._server.add_insecure_port(target)
        path = socket_path(target)
        if path is None:
            self.address = f"{target.rpartition(':')[0]}:{port}"
        else:
            Path(path).chmod(0o600)
            self.address = target

    async def start(self) -> None:
        """Begin to serve at `address`."""
        await self._server.start()

    async def stop(self, grace: float) -> None:
        """End the streams at once, refuse new calls, and let running ones finish within `grace` seconds."""
        self._feed.close()
        await self._server.stop(grace)
