from __future__ import annotations

import httpx

from authz.adapters.http_post.client import webhook_client


async def test_the_client_is_bounded_and_follows_nothing() -> None:
    async with webhook_client(3.0) as client:
        assert client.follow_redirects is False
        assert client.timeout == httpx.Timeout(3.0)
