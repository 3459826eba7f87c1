"""One bounded HTTP client for OPA's Data API: keep-alive over TCP or a unix socket.

aiohttp rather than httpx: this hop is taken on every request, and takes a quarter of the time there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from authz.domain.errors import PolicyMalformed, PolicyUnavailable

_READ_CHUNK = 65_536
# A cancelled evaluation says nothing about the policy.
_EVALUATION = re.compile(r"eval_(?!cancel_)[a-z_]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpaAnswer:
    """The `result` of a Data API call (`defined` False when there was none) and OPA's decision id, if any."""

    defined: bool
    result: object
    decision_id: str


class OpaClient:
    """Posts inputs to `/v1/data/PATH`. At most `connections` questions are under way at once."""

    def __init__(self, url: str, *, connections: int, max_answer_bytes: int) -> None:
        """`url` is http://, https:// or unix:///path/to/socket. Call `open` inside the event loop."""
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme == "unix" else ""
        self._base = "http://opa" if self._socket else url.rstrip("/")
        self._connections = connections
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        connector: aiohttp.BaseConnector
        if self._socket:
            connector = aiohttp.UnixConnector(self._socket, limit=self._connections)
        else:
            connector = aiohttp.TCPConnector(limit=self._connections)
        # trust_env stays off: a proxy variable in the environment must not redirect authorization.
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def query(self, path: str, document: Mapping[str, object], timeout: float) -> OpaAnswer:
        """Evaluate a rule below /v1/data within `timeout` seconds.

        At the timeout the connection is closed, because an evaluation that goes on blocks OPA's policy updates.

        Raises PolicyUnavailable, and PolicyMalformed when the answer is no Data API answer.
        """
        body = orjson.dumps({"input": document}, option=orjson.OPT_NON_STR_KEYS)
        answer = await self._post(f"/v1/data/{quote(path.strip('/'))}", body, timeout)
        try:
            parsed = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            msg = f"OPA's answer for {path} is not JSON"
            raise PolicyMalformed(msg) from error
        if not isinstance(parsed, dict):
            msg = f"OPA's answer for {path} is not an object"
            raise PolicyMalformed(msg)
        decision_id = parsed.get("decision_id")
        return OpaAnswer(
            "result" in parsed, parsed.get("result"), decision_id if isinstance(decision_id, str) else ""
        )

    async def healthy(self, timeout: float) -> bool:
        """Say whether OPA answers its health check (bundles and plugins included)."""
        if self._session is None:
            return False
        try:
            async with (
                asyncio.timeout(timeout),
                self._session.get(self._base + "/health?bundles&plugins", allow_redirects=False) as response,
            ):
                return response.status == HTTPStatus.OK
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _post(self, target: str, body: bytes, timeout: float) -> bytes:
        if self._session is None:
            msg = "the OPA client is not open"
            raise PolicyUnavailable(msg)
        try:
            async with (
                asyncio.timeout(timeout),
                self._session.post(
                    self._base + target,
                    data=body,
                    headers={"content-type": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                answer = await self._read(response)
                status = response.status
        except TimeoutError as error:
            msg = f"OPA did not answer within {timeout * 1000:.0f} ms"
            raise PolicyUnavailable(msg) from error
        except (aiohttp.ClientError, OSError) as error:
            msg = f"OPA can't be reached at {self._socket or self._base}: {type(error).__name__}"
            raise PolicyUnavailable(msg) from error
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and (code := _evaluation_error(answer)):
            msg = f"OPA could not evaluate {target}: {code}; its own log has the place"
            raise PolicyMalformed(msg)
        if status != HTTPStatus.OK:
            msg = f"OPA answered with status {status}"
            raise PolicyUnavailable(msg)
        return answer

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_chunked(_READ_CHUNK):
            chunks += chunk
            if len(chunks) > self._max_answer_bytes:
                response.close()
                msg = f"OPA's answer is longer than {self._max_answer_bytes} bytes"
                raise PolicyMalformed(msg)
        return bytes(chunks)


def _evaluation_error(answer: bytes) -> str:
    """Return the code with which OPA says that the policy failed, such as `eval_conflict_error`; else nothing.

    The message beside it may quote the input, so it isn't passed on.
    """
    try:
        match orjson.loads(answer):
            case {"errors": [{"code": str(code)}, *_]} if _EVALUATION.fullmatch(code):
                return code
            case _:
                return ""
    except orjson.JSONDecodeError:
        return ""
