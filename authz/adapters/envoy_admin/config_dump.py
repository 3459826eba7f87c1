"""The configuration that an Envoy runs, from its admin interface (`GET /config_dump?include_eds`)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx
import orjson

PATIENCE_SECONDS: Final = 10.0
MAX_BYTES: Final = 64 * 1024 * 1024
_PATH: Final = "/config_dump?include_eds"


class ConfigUnavailable(Exception):
    """There is no configuration to look at; the message is a sentence for the operator."""


def check_admin_url(url: str) -> str:
    """Return the address of an admin interface. Raises ValueError for what is none, without repeating it."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return url
    plain = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    if not plain or parts.query or parts.fragment or parts.path.strip("/"):
        msg = "must be http://HOST:PORT, https://HOST:PORT or unix:///PATH, without a user"
        raise ValueError(msg)
    return url.rstrip("/")


async def read_config_dump(
    url: str, *, patience: float = PATIENCE_SECONDS, max_bytes: int = MAX_BYTES
) -> object:
    """Return the parsed config_dump of the Envoy whose admin interface is at `url` (see check_admin_url).

    Raises ConfigUnavailable when it isn't there within `patience` seconds, or is longer than `max_bytes`.
    """
    socket = urlsplit(url).path if url.startswith("unix:") else None
    # A proxy variable in the environment must not put another Envoy in this one's place.
    transport = httpx.AsyncHTTPTransport(uds=socket, trust_env=False)
    base = "http://envoy" if socket else url
    try:
        async with (
            asyncio.timeout(patience),
            httpx.AsyncClient(transport=transport, trust_env=False, timeout=patience) as client,
            client.stream("GET", base + _PATH) as response,
        ):
            if response.status_code != HTTPStatus.OK:
                raise ConfigUnavailable(f"{_PATH} is answered with status {response.status_code}.")
            text = bytearray()
            async for chunk in response.aiter_bytes():
                text += chunk
                if len(text) > max_bytes:
                    raise ConfigUnavailable(f"The configuration is longer than {max_bytes} bytes.")
    except TimeoutError as error:
        raise ConfigUnavailable(f"{_PATH} isn't answered within {patience:g} s.") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise ConfigUnavailable(f"Nothing answers there ({type(error).__name__}).") from error
    try:
        document: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigUnavailable("What answers there sends no JSON.") from error
    if not isinstance(document, dict) or not isinstance(document.get("configs"), list):
        raise ConfigUnavailable("What answers there sends no config_dump of an Envoy.")
    return document
