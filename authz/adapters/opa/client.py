"""OPA's Data API over kept connections, every answer bounded in time and length."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import orjson

from authz.adapters.opa.connection import Broken, HttpAnswer, TooLong
from authz.adapters.opa.pool import Pool
from authz.domain.errors import PolicyMalformed, PolicyUnavailable

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
        """`url` is http://, https:// or unix:///path/to/socket. Enter the context inside the event loop."""
        parts = urlsplit(url)
        unix = parts.scheme == "unix"
        self._url = url
        self._named = parts.path if unix else url.rstrip("/")
        self._prefix = "" if unix else parts.path.rstrip("/")
        self._host = "opa" if unix else parts.netloc
        self._connections = connections
        self._max_answer_bytes = max_answer_bytes
        self._pool: Pool | None = None
        # A few paths from the settings, each asked again and again.
        self._heads: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        """Allow questions."""
        self._pool = Pool(self._url, connections=self._connections, max_answer_bytes=self._max_answer_bytes)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def query(self, path: str, document: Mapping[str, object], timeout: float) -> OpaAnswer:
        """Evaluate a rule below /v1/data within `timeout` seconds.

        At the timeout the connection is closed, because an evaluation that goes on blocks OPA's policy updates.

        Raises PolicyUnavailable, and PolicyMalformed when the answer is no Data API answer.
        """
        body = orjson.dumps({"input": document}, option=orjson.OPT_NON_STR_KEYS)
        answer = await self._post(path, body, timeout)
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
        try:
            answer = await self._ask(self._head("GET", "/health?bundles&plugins") + b"\r\n", timeout)
        except (PolicyUnavailable, PolicyMalformed):
            return False
        return answer.status == HTTPStatus.OK

    async def _post(self, path: str, body: bytes, timeout: float) -> bytes:
        head = self._heads.get(path)
        if head is None:
            head = (
                self._head("POST", f"/v1/data/{quote(path.strip('/'))}")
                + b"content-type: application/json\r\n"
            )
            self._heads[path] = head
        answer = await self._ask(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body), timeout)
        status = answer.status
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and (code := _evaluation_error(answer.body)):
            msg = f"OPA could not evaluate {path}: {code}; its own log has the place"
            raise PolicyMalformed(msg)
        if status != HTTPStatus.OK:
            msg = f"OPA answered with status {status}"
            raise PolicyUnavailable(msg)
        return answer.body

    def _head(self, method: str, target: str) -> bytes:
        """Return request line and host; no word on compression, so that none is used."""
        return f"{method} {self._prefix}{target} HTTP/1.1\r\nhost: {self._host}\r\n".encode()

    async def _ask(self, question: bytes, timeout: float) -> HttpAnswer:
        if self._pool is None:
            msg = "the OPA client is not open"
            raise PolicyUnavailable(msg)
        if timeout <= 0:
            # Not even a connection is begun.
            raise _late(timeout)
        try:
            async with asyncio.timeout(timeout):
                return await self._pool.ask(question)
        except TimeoutError as error:
            raise _late(timeout) from error
        except TooLong as error:
            msg = f"OPA's answer is longer than {self._max_answer_bytes} bytes"
            raise PolicyMalformed(msg) from error
        except (Broken, OSError) as error:
            why = str(error) if isinstance(error, Broken) else type(error).__name__
            msg = f"OPA can't be reached at {self._named}: {why}"
            raise PolicyUnavailable(msg) from error


def _late(timeout: float) -> PolicyUnavailable:
    return PolicyUnavailable(f"OPA did not answer within {timeout * 1000:.0f} ms")


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
