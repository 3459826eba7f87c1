"""Targets: what OPA answers, as the body of a good HTTP answer or as any bytes on the connection."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.connection import Connection
from authz.adapters.opa.policy_engine import OpaPolicyEngine
from authz.adapters.opa.pool import Pool
from authz.adapters.telemetry.metrics import Metrics
from authz.entrypoints.check.handler import CheckHandler
from authz.services.check.call import CheckCall, Outcome
from tests.fuzz.boundary import Boundary, inspect
from tests.support.check_requests import check_request
from tests.unit.check.world import DECISION_PATH, World

_WIRE: Final = check_request().SerializeToString()
_LONGEST: Final = 100_000
_OK: Final = re.compile(rb"HTTP/[0-9]\.[0-9] +200")
_BRACE: Final = re.compile(rb"{")
_BETWEEN_CHUNKS: Final = re.compile(rb"\r?\n[0-9A-Fa-f]+[^\r\n]*\r?\n")


class OpaBody:
    """The first byte chooses the HTTP status, the rest is the body of OPA's answer."""

    _STATUSES = (200, 200, 200, 200, 500, 404)

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._answer = b""
        self._world = World()
        self._boundary = Boundary(self._servicer)

    def __call__(self, data: bytes) -> None:
        """Try one input. Raises AssertionError, and whatever the handler lets through."""
        if not data:
            return
        status = self._STATUSES[data[0] % len(self._STATUSES)]
        head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(data) - 1}\r\n\r\n"
        self._judge_answer(head.encode() + data[1:], lambda: status == http.client.OK and allows(data[1:]))

    def close(self) -> None:
        self._boundary.close()

    def _judge_answer(self, answer: bytes, may_allow: Callable[[], bool]) -> None:
        self._answer = answer
        self._world = World()
        said = self._boundary.call(_WIRE)
        assert said is not None
        self.seen[inspect(said, may_allow)] += 1

    def _servicer(self) -> CheckHandler:
        client = OpaClient("http://opa.invalid", connections=1, max_answer_bytes=_LONGEST)
        client._pool = _Scripted(lambda: self._answer)
        engine = OpaPolicyEngine(client, DECISION_PATH)

        async def judge(call: CheckCall) -> Outcome:
            self._world.policy = engine  # type: ignore[assignment] # the real one, in the place of the scripted
            return await self._world.service().check(call)

        return CheckHandler(judge, Metrics(), body_limit=50, timeout=5)


class OpaWire(OpaBody):
    """All bytes that come on the connection, and then its end."""

    def __call__(self, data: bytes) -> None:
        self._judge_answer(data, lambda: _says_so(data))


class _Scripted(Pool):
    """A pool whose connections answer each question at once with the same bytes, cut at every 64th, and then close."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        super().__init__("http://opa.invalid:1", connections=1, max_answer_bytes=_LONGEST)
        self._said = answer

    async def _connect(self) -> Connection:
        connection = Connection(_LONGEST)
        connection.connection_made(_Transport(connection, self._said()))
        return connection


class _Transport(asyncio.Transport):
    def __init__(self, connection: Connection, answer: bytes) -> None:
        super().__init__()
        self._connection = connection
        self._answer = answer
        self._closing = False

    def write(self, data: object) -> None:  # noqa: ARG002 - whatever is asked
        asyncio.get_running_loop().call_soon(self._answer_and_close)

    def is_closing(self) -> bool:
        return self._closing

    def abort(self) -> None:
        self._closing = True

    def _answer_and_close(self) -> None:
        for start in range(0, len(self._answer), 64):
            if self._closing:
                return
            self._connection.data_received(self._answer[start : start + 64])
        self._closing = True
        self._connection.connection_lost(None)


def allows(body: bytes) -> bool:
    """Say whether OPA's answer is an allow, by another JSON reader than the server's."""
    try:
        return _is_allow(json.loads(body.decode()))
    except (ValueError, RecursionError):
        return False


def _is_allow(said: object) -> bool:
    result = said.get("result") if isinstance(said, dict) else None
    return result is True or (isinstance(result, dict) and result.get("allowed") is True)


def _says_so(wire: bytes) -> bool:
    """Say whether an allow is in these bytes, whatever frames it: readers of HTTP differ in what they put up with."""
    if not _OK.search(wire):
        return False
    joined = _BETWEEN_CHUNKS.sub(b"", wire)
    return any(
        _begins_with_allow(text[brace.start() :])
        for text in (wire, joined)
        for brace in _BRACE.finditer(text)
    )


def _begins_with_allow(text: bytes) -> bool:
    try:
        said, _ = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return _is_allow(said)
