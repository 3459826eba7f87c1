"""The check server's health and certificates, looked at by the doctor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from authz.adapters.check_health.certificates import look_at_certificates
from authz.adapters.check_health.endpoint import ask_endpoint
from authz.services.doctor.check_server import Health
from tests.e2e.envoy_config.certificates import Authority
from tests.support.ports import free_port

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Refusing(grpc.aio.ServerInterceptor):
    """A server that knows none of its callers."""

    async def intercept_service(self, continuation: object, details: object) -> Any:  # noqa: ANN401 - a handler of any messages
        del continuation, details

        async def refuse(_request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED)

        return grpc.unary_unary_rpc_method_handler(refuse)


@asynccontextmanager
async def serving(
    status: int | None = SERVING,
    credentials: grpc.ServerCredentials | None = None,
    interceptors: tuple[grpc.aio.ServerInterceptor, ...] = (),
) -> AsyncIterator[str]:
    """Serve gRPC with this health; None for a server without a health service."""
    server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
    if status is not None:
        servicer = health.aio.HealthServicer()
        await servicer.set("", status)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("status", "expected", "detail"),
    [
        (SERVING, Health.SERVING, ""),
        (NOT_SERVING, Health.NOT_SERVING, "NOT_SERVING"),
        (None, Health.NOT_SERVING, "UNIMPLEMENTED"),
    ],
)
async def test_what_a_server_says_of_its_health_is_told(
    status: int | None, expected: Health, detail: str
) -> None:
    async with serving(status) as where:
        found = await ask_endpoint(where, None)
    assert (found.health, found.detail) == (expected, detail)


async def test_a_server_that_refuses_its_caller_is_no_server_that_is_down() -> None:
    async with serving(interceptors=(Refusing(),)) as where:
        assert (await ask_endpoint(where, None)).health is Health.REFUSED


async def test_nobody_there_is_unreachable() -> None:
    for where in (f"127.0.0.1:{free_port()}", "unix:/nowhere/check.sock"):
        assert (await ask_endpoint(where, None, patience=1)).health is Health.UNREACHABLE


@pytest.mark.parametrize(
    ("name", "expected"), [("check.internal", Health.SERVING), ("other", Health.UNREACHABLE)]
)
async def test_mutual_tls_is_spoken_as_envoy_speaks_it(tmp_path: Path, name: str, expected: Health) -> None:
    authority = Authority(tmp_path)
    own, envoy = authority.issue("check.internal"), authority.issue("envoy.internal")
    trusted = authority.certificate.read_bytes()
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.certificate.read_bytes())], trusted, require_client_auth=True
    )
    shown = grpc.ssl_channel_credentials(trusted, envoy.key.read_bytes(), envoy.certificate.read_bytes())
    async with serving(credentials=credentials) as where:
        assert (await ask_endpoint(where, shown, name, patience=2)).health is expected


def test_a_certificate_is_read_with_its_names_and_dates(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("envoy.internal")
    found = look_at_certificates("X", str(pair.certificate), ("envoy.internal",))
    assert (found.trouble, found.names, found.listed) == ("", ("envoy.internal",), True)
    assert found.not_before
    assert found.not_after
    assert found.not_before < found.not_after
    assert look_at_certificates("X", str(pair.certificate), ("other.internal",)).listed is False
    assert look_at_certificates("X", str(pair.certificate)).listed is None


def test_what_is_no_certificate_is_named_by_its_path(tmp_path: Path) -> None:
    key = Authority(tmp_path).issue("envoy.internal").key
    assert "holds no certificate in PEM" in look_at_certificates("X", str(key)).trouble
    assert "can't be read" in look_at_certificates("X", str(tmp_path / "absent.pem")).trouble
    assert "PRIVATE KEY" not in repr(look_at_certificates("X", str(key)))
