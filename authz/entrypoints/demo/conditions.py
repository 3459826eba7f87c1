"""When a part of the demo is ready: conditions that are asked until they hold."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx

from authz.entrypoints.demo.child import Condition
from authz.entrypoints.demo.ports import LOOPBACK

_TIMEOUT = 1.0  # seconds

# Nothing here speaks TLS, and httpx would load all certificate authorities for each client: 20 ms, many times
# over.
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def answers(port: int, path: str) -> Condition:
    """Hold when an HTTP GET of `path` succeeds."""

    async def condition() -> str:
        async with _client() as client:
            response = await client.get(f"http://{LOOPBACK}:{port}{path}")
        return "" if response.is_success else f"HTTP {response.status_code} {response.text[:200]}"

    return condition


def socket_answers(path: Path, url_path: str) -> Condition:
    """Hold when an HTTP GET over the unix socket succeeds."""

    async def condition() -> str:
        transport = httpx.AsyncHTTPTransport(uds=str(path), verify=_TRUSTS_NOBODY)
        async with _client(transport) as client:
            response = await client.get(f"http://socket{url_path}")
        return "" if response.is_success else f"HTTP {response.status_code}"

    return condition


def sees_check_server(admin_port: int, cluster: str) -> Condition:
    """Hold when Envoy's own health check has found the check server; until then it answers 503 itself."""

    async def condition() -> str:
        async with _client() as client:
            response = await client.get(f"http://{LOOPBACK}:{admin_port}/clusters")
        flags = [
            line.rpartition("::")[2]
            for line in response.text.splitlines()
            if line.startswith(f"{cluster}::") and "::health_flags::" in line
        ]
        return "" if flags == ["healthy"] else f"Envoy finds the check server {flags or 'nowhere'}"

    return condition


def redis_answers(path: Path) -> Condition:
    """Hold when PING over the unix socket gives PONG; while Redis loads its files it says so instead."""

    async def condition() -> str:
        async with asyncio.timeout(_TIMEOUT):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(b"PING\r\n")
                line = await reader.readline()
            finally:
                writer.close()
        return "" if line == b"+PONG\r\n" else line.decode("utf-8", "replace").strip() or "no answer"

    return condition


def _client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, verify=_TRUSTS_NOBODY, trust_env=False, timeout=_TIMEOUT)


async def unmet(condition: Condition) -> str:
    """Ask a condition once; return why it doesn't hold, empty when it does."""
    try:
        return await condition()
    except (OSError, httpx.HTTPError) as error:
        return f"{type(error).__name__}: {error}"
