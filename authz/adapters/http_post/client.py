"""The HTTP client of all webhooks of a process."""

from __future__ import annotations

import httpx


def webhook_client(
    timeout_s: float = 10.0, *, connections: int = 20, trust_env: bool = True
) -> httpx.AsyncClient:
    """Return a client with a bound on everything, for all webhooks of a process. The caller closes it.

    `timeout_s` bounds connecting, sending and waiting for bytes, each. `trust_env` lets HTTPS_PROXY count.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, pool=timeout_s),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30
        ),
        follow_redirects=False,
        trust_env=trust_env,
    )
