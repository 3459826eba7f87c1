"""An ext_authz server that keeps every Check and answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import grpc
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from authz.wire import ext_authz_pb2 as wire
from authz.wire import ext_authz_pb2_grpc as service

Answer = Callable[[wire.CheckRequest, grpc.ServicerContext], wire.CheckResponse]


def allow(headers: Mapping[str, str] | None = None, remove: Sequence[str] = ()) -> wire.CheckResponse:
    """Return an allow that sets and removes headers of the request."""
    response = wire.CheckResponse()
    response.ok_response.headers.extend(_set(headers or {}))
    response.ok_response.headers_to_remove.extend(remove)
    return response


def deny(status: int, headers: Mapping[str, str] | None = None, body: str = "") -> wire.CheckResponse:
    """Return a refusal with an HTTP status, headers and a body for the client."""
    response = wire.CheckResponse()
    response.status.code = code_pb2.PERMISSION_DENIED
    response.denied_response.status.code = cast("wire.StatusCode.ValueType", status)
    response.denied_response.headers.extend(_set(headers or {}))
    response.denied_response.body = body
    return response


def raw_headers(check: wire.CheckRequest) -> list[tuple[str, bytes]]:
    """Return the header lines of a Check in their order, pseudo-headers included."""
    lines = check.attributes.request.http.header_map.headers
    return [(line.key, line.raw_value or line.value.encode()) for line in lines]


@dataclass(slots=True)
class CheckServer:
    """Where it listens, what it was asked, and what it says. `arrived` is set by each Check."""

    port: int
    health: health.HealthServicer
    server: grpc.Server
    checks: list[wire.CheckRequest] = field(default_factory=list)
    answer: Answer = lambda _check, _context: allow()
    arrived: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        self.checks.clear()
        self.arrived.clear()
        self.answer = lambda _check, _context: allow()

    def stop(self) -> None:
        """Close the port and every connection at once."""
        self.server.stop(grace=None).wait()

    def serving(self, *, yes: bool) -> None:
        states = health_pb2.HealthCheckResponse
        self.health.set("", states.SERVING if yes else states.NOT_SERVING)

    @property
    def http(self) -> wire.AttributeContext.HttpRequest:
        """The request of the only Check."""
        (check,) = self.checks
        return check.attributes.request.http


class _Servicer(service.AuthorizationServicer):
    def __init__(self) -> None:
        self.server: CheckServer | None = None

    def Check(self, request: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:  # noqa: N802 - gRPC's
        assert self.server is not None
        self.server.checks.append(request)
        self.server.arrived.set()
        return self.server.answer(request, context)


@contextmanager
def checking(
    credentials: grpc.ServerCredentials | None = None, address: str = "127.0.0.1:0"
) -> Iterator[CheckServer]:
    """Run a CheckServer until the block ends."""
    servicer, healthy = _Servicer(), health.HealthServicer()
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    service.add_AuthorizationServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = (
        server.add_insecure_port(address)
        if credentials is None
        else server.add_secure_port(address, credentials)
    )
    servicer.server = CheckServer(port, healthy, server)
    server.start()
    try:
        yield servicer.server
    finally:
        servicer.server.stop()


def _set(headers: Mapping[str, str]) -> Iterator[wire.HeaderValueOption]:
    for name, value in headers.items():
        option = wire.HeaderValueOption()
        option.header.key = name
        option.header.value = value
        option.append.value = False
        yield option
