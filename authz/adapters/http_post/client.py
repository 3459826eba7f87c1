"""The HTTP client of all webhooks of a process."""

from __future__ import annotations

from typing import Final
from urllib.request import getproxies

import httpx

from authz.adapters.http_post.spread import SpreadTransport

KEEPALIVE_S: Final = 30.0
_PROXIED: Final = frozenset({"http", "https", "all"})


def webhook_client(
    timeout_s: float = 10.0, *, connections: int = 32, trust_env: bool = True
) -> httpx.AsyncClient:
    """Return a client with a bound on everything, for all webhooks of a process. The caller closes it.

    `timeout_s` bounds connecting, sending and waiting for bytes, each. `trust_env` lets HTTPS_PROXY count.
    """
    # A client that is given a transport takes no proxy from the environment.
    proxied = trust_env and not _PROXIED.isdisjoint(getproxies())
    return httpx.AsyncClient(
        transport=None if proxied else SpreadTransport(connections, KEEPALIVE_S),
        timeout=httpx.Timeout(timeout_s, pool=timeout_s),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_S
        ),
        follow_redirects=False,
        trust_env=trust_env,
    )
