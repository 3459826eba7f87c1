"""A check server's forgetful messenger: passes Checks on byte for byte, and loses some of the replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

METHOD = "/envoy.service.auth.v3.Authorization/Check"
_SECONDS = 10.0


class LossyMessenger:
    """Where it listens, and what went through. `losing` is how many of the next replies get lost."""

    def __init__(self, address: str, channels: Sequence[grpc.Channel]) -> None:
        self.address = address
        self.losing = 0
        self.checks: list[bytes] = []
        self._calls: cycle[Any] = cycle([channel.unary_unary(METHOD) for channel in channels])

    def check(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Pass one Check on, each to the next server."""
        self.checks.append(request)
        reply: bytes = next(self._calls)(request, timeout=_SECONDS)
        if self.losing:
            self.losing -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the reply got lost")
        return reply


@contextmanager
def lossy_messenger(address: str, behind: Sequence[str]) -> Iterator[LossyMessenger]:
    """Serve on `address` before the servers `behind` until the block ends."""
    with ExitStack() as stack:
        channels = [stack.enter_context(grpc.insecure_channel(each)) for each in behind]
        messenger = LossyMessenger(address, channels)
        server = grpc.server(ThreadPoolExecutor(8))
        service, _, method = METHOD.removeprefix("/").partition("/")
        handlers: dict[str, Any] = {method: grpc.unary_unary_rpc_method_handler(messenger.check)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        healthy = health.HealthServicer()
        healthy.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        server.add_insecure_port(address)
        server.start()
        stack.callback(lambda: server.stop(grace=None).wait())
        yield messenger
