"""TLS to each kind of Redis, with a CA of one's own and names that are checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from authz.adapters.redis.link import Link
from authz.domain.errors import StoreUnavailable
from tests.e2e.envoy_config.certificates import Authority
from tests.support.redis_server import RedisServer, server_binary
from tests.support.waiting import until_true


class TlsServer(RedisServer):
    """A server that speaks TLS alone, as `localhost`."""

    def __init__(self, directory: Path, authority: Authority, **options: str) -> None:
        super().__init__(directory, **options)
        pair = authority.issue("localhost")
        self.options = {
            "port": "0",
            "tls-port": str(self.port),
            "tls-cert-file": str(pair.certificate),
            "tls-key-file": str(pair.key),
            "tls-ca-cert-file": str(authority.certificate),
            "tls-auth-clients": "no",
            "tls-replication": "yes",
            "tls-cluster": "yes",
        }
        self._options |= self.options
        self._authority = authority

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self._authority.certificate))
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        return False


class TlsSentinel(TlsServer):
    """A Sentinel that speaks TLS to everybody and names servers by their names."""

    def __init__(self, directory: Path, authority: Authority, primary: TlsServer) -> None:
        super().__init__(directory, authority)
        lines = [f"{name} {value}" for name, value in self.options.items()]
        lines += [
            "bind 127.0.0.1",
            f"dir {directory}",
            "sentinel resolve-hostnames yes",
            "sentinel announce-hostnames yes",
            f"sentinel monitor m localhost {primary.port} 1",
        ]
        self._file = directory / "sentinel.conf"
        self._file.write_text("\n".join(lines) + "\n")

    def _command(self) -> list[str]:
        return [server_binary(), str(self._file), "--sentinel"]


@pytest.fixture(params=["single", "sentinel", "cluster"])
async def url(request: pytest.FixtureRequest, tmp_path: Path, authority: Authority) -> AsyncIterator[str]:
    """Yield a URL without options."""
    (tmp_path / "server").mkdir()
    (tmp_path / "sentinel").mkdir()
    cluster = {
        "cluster_enabled": "yes",
        "cluster_announce_hostname": "localhost",
        "cluster_preferred_endpoint_type": "hostname",
    }
    options = cluster if request.param == "cluster" else {}
    servers = [TlsServer(tmp_path / "server", authority, **options)]
    where = f"localhost:{servers[0].port}"
    if request.param == "sentinel":
        servers.append(TlsSentinel(tmp_path / "sentinel", authority, servers[0]))
        where = f"localhost:{servers[1].port}/m"
    for server in servers:
        server.start()
    if request.param == "cluster":
        await _share_out(f"rediss://{where}/0?ssl_ca_certs={authority.certificate}")
    kind = "" if request.param == "single" else f"+{request.param}"
    yield f"rediss{kind}://{where}"
    for server in reversed(servers):
        server.stop()


async def _share_out(url: str) -> None:
    link = Link(url, 1, 5_000)
    await link.command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)

    async def whole() -> bool:
        return b"cluster_state:ok" in (await link.command("CLUSTER", "INFO") or b"")  # type: ignore[operator]

    async with asyncio.timeout(30):
        await until_true(whole)
    await link.aclose()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "tls"
    folder.mkdir()
    return Authority(folder)


async def test_a_server_that_the_ca_vouches_for_is_talked_to(url: str, authority: Authority) -> None:
    link = Link(f"{url}?ssl_ca_certs={authority.certificate}", 1, 5_000)
    assert await link.command("SET", "x", "1", "PX", 60_000, key="x") == b"OK"
    await link.aclose()


async def test_one_that_nobody_vouches_for_is_not(url: str) -> None:
    """The control: the system's authorities know nothing of ours."""
    link = Link(url, 1, 5_000)
    with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
        await link.command("GET", "x", key="x")
    await link.aclose()


async def test_without_tls_nothing_is_said(url: str) -> None:
    link = Link(url.replace("rediss", "redis"), 1, 2_000)
    with pytest.raises(StoreUnavailable):
        await link.command("GET", "x", key="x")
    await link.aclose()
