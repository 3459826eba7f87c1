"""One gRPC health check (grpc.health.v1), as Envoy's cluster sends it."""

from __future__ import annotations

from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from authz.services.doctor.check_server import EndpointFacts, Health

PATIENCE_SECONDS: Final = 3.0
_REFUSALS: Final = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}
_STATES: Final = health_pb2.HealthCheckResponse


async def ask_endpoint(
    where: str,
    credentials: grpc.ChannelCredentials | None,
    server_name: str = "",
    patience: float = PATIENCE_SECONDS,
) -> EndpointFacts:
    """Return how `where` (HOST:PORT or unix:/PATH) answers within `patience` seconds.

    Without `credentials` it is asked in the clear; `server_name` is the name that its certificate has to have.
    """
    options = [("grpc.enable_http_proxy", 0)]
    if credentials is None:
        channel = grpc.aio.insecure_channel(where, options=options)
    else:
        named = [("grpc.ssl_target_name_override", server_name)] if server_name else []
        channel = grpc.aio.secure_channel(where, credentials, options=[*options, *named])
    async with channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # generated without types
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=patience)
        except grpc.aio.AioRpcError as error:
            return _failed(where, error.code())
    if answer.status == _STATES.SERVING:
        return EndpointFacts(where, Health.SERVING)
    return EndpointFacts(where, Health.NOT_SERVING, _STATES.ServingStatus.Name(answer.status))


def _failed(where: str, code: grpc.StatusCode) -> EndpointFacts:
    if code in _REFUSALS:
        return EndpointFacts(where, Health.REFUSED)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        # The details of a failed connection name addresses and library internals; the code says enough.
        return EndpointFacts(where, Health.UNREACHABLE, code.name)
    return EndpointFacts(where, Health.NOT_SERVING, code.name)
