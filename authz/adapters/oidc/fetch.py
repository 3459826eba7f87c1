"""Asking the provider: bounded in time and bytes, no redirects, JSON objects only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import orjson

from authz.domain.errors import ProviderUnavailable

ANSWER_MAX = 1 << 20
CONNECTIONS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said: the status, and a JSON object."""

    status: int
    document: Mapping[str, object]


def provider_client(timeout_s: float) -> httpx.AsyncClient:
    """Return a client for one provider. HTTPS_PROXY counts. The caller closes it."""
    return httpx.AsyncClient(
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        follow_redirects=False,
        # Nothing compressed, so that what is read is what was counted.
        headers={"accept": "application/json", "accept-encoding": "identity"},
    )


async def fetch(client: httpx.AsyncClient, request: httpx.Request, timeout_s: float) -> Answer:
    """Send a request and return its answer. Raises ProviderUnavailable, naming the address and not what was sent.

    A server error is no answer, and neither is what is no JSON object, is longer than ANSWER_MAX or comes too late.
    """
    where = f"{request.method} {request.url.copy_with(query=None)}"
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(client, request, where)
    except TimeoutError:
        raise ProviderUnavailable(f"{where}: no answer within {timeout_s:g} s") from None
    except httpx.HTTPError as error:
        raise ProviderUnavailable(f"{where}: {type(error).__name__}") from error


async def _read(client: httpx.AsyncClient, request: httpx.Request, where: str) -> Answer:
    response = await client.send(request, stream=True)
    try:
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(f"{where}: answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ProviderUnavailable(f"{where}: answered compressed, which nobody asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > ANSWER_MAX:
                raise ProviderUnavailable(f"{where}: answered more than {ANSWER_MAX} bytes")
    finally:
        await response.aclose()
    try:
        document = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ProviderUnavailable(f"{where}: answered {response.status_code}, and no JSON object")
    return Answer(response.status_code, document)
