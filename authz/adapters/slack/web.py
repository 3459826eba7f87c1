"""Slack's Web API, with a bound on everything and nothing of it in the logs but what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from authz.adapters.http_post.retry_after import retry_after_s

DEFAULT_URL: Final = "https://slack.com/api/"
ANSWER_MAX: Final = 1024 * 1024
"""Bytes of one answer. Slack's are a few thousand."""

RATE_LIMITED: Final = "ratelimited"
UNREACHABLE: Final = "unreachable"
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

# At the DEBUG level the libraries write what is posted, and Socket Mode writes an address that is a secret.
quiet: Final = logging.getLogger("holdgate.slack.sdk")
quiet.setLevel(logging.CRITICAL)


class ApiFailed(Exception):
    """Slack refused a call, or can't be reached. `code` is Slack's word for it, and `after_s` how long it wants peace.

    Its text holds neither a token nor what was posted.
    """

    def __init__(self, method: str, code: str, after_s: float = 0.0) -> None:
        super().__init__(f"Slack's {method} answered {code}")
        self.method = method
        self.code = code
        self.after_s = after_s


class SlackWeb(AsyncWebClient):
    """The SDK's client as we want it: it doesn't retry, follows no redirect, and reads no endless answer.

    Retries are the outbox's. Close it with `aclose`.
    """

    def __init__(self, token: str, *, base_url: str = DEFAULT_URL, timeout_s: int = 15) -> None:
        """`timeout_s` bounds each call as a whole. Make it inside the event loop that uses it."""
        super().__init__(token, base_url=base_url, timeout=timeout_s, retry_handlers=[], logger=quiet)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            connector=aiohttp.TCPConnector(limit=20),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def call(self, method: str, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        """Call a method with JSON, and return its answer. Raises ApiFailed."""
        try:
            answer = await self.api_call(method, json=dict(arguments))
        except SlackApiError as error:
            raise _refusal(method, error) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Chained to nothing: an error of the HTTP library holds the request, and so the token.
            raise ApiFailed(method, f"{UNREACHABLE} ({type(error).__name__})") from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def respond(self, response_url: str, arguments: Mapping[str, object]) -> None:
        """Answer whoever typed a command, at the address that came with it. Raises ApiFailed."""
        if not self._is_slacks(response_url):
            raise ApiFailed("response_url", "an address that isn't Slack's")
        try:
            async with self._http.post(
                response_url, json=dict(arguments), allow_redirects=False, proxy=self.proxy
            ) as answer:
                if not answer.ok:
                    raise ApiFailed("response_url", f"status {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiFailed("response_url", f"{UNREACHABLE} ({type(error).__name__})") from None

    def _is_slacks(self, address: str) -> bool:
        """Say whether an address belongs to the Slack that we speak to: `hooks.` of its host, or its very origin."""
        api = URL(self.base_url)
        try:
            given = URL(address)
        except ValueError:
            return False
        return (
            given.origin() in {api.origin(), api.with_host(f"hooks.{api.host}").origin()}
            if given.host
            else False
        )

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        """Send a request; see AsyncBaseClient, whose own reads answers of any length."""
        async with self._http.request(http_verb, api_url, allow_redirects=False, **req_args) as answer:
            body = await answer.content.read(ANSWER_MAX + 1)
            while len(body) <= ANSWER_MAX and (more := await answer.content.read(ANSWER_MAX + 1 - len(body))):
                body += more
            data = orjson.loads(body) if 0 < len(body) <= ANSWER_MAX else {}
            document = data if isinstance(data, dict) else {}
            return {"data": document, "headers": answer.headers, "status_code": answer.status}


def _refusal(method: str, error: SlackApiError) -> ApiFailed:
    """Read Slack's word for what is wrong; a proxy in between has only a status."""
    response = error.response
    status = response.status_code
    code = str(response.get("error") or f"status {status}")[:100]
    if status == _TOO_MANY or code == RATE_LIMITED:
        now = datetime.now(UTC)
        return ApiFailed(method, RATE_LIMITED, retry_after_s(response.headers.get("Retry-After"), now))
    return ApiFailed(method, UNREACHABLE if status >= _SERVER_ERROR else code)
