"""A check as gRPC hands it over: bytes in, bytes out, through what the server registers.

The promises that hold for every input are checked here, by other means than those that keep them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import orjson
from google.protobuf.message import DecodeError
from google.rpc.code_pb2 import OK

from authz.adapters.telemetry.redaction import redact
from authz.entrypoints.check import handler as module
from authz.wire.ext_authz_pb2 import CheckResponse
from authz.wire.ext_authz_pb2_grpc import (
    AuthorizationServicer,
    add_AuthorizationServicer_to_server,
)

_SPLITTING = re.compile(r"[\r\n\x00]")
_SERVICE = "envoy.service.auth.v3.Authorization"


class Rendered:
    """Stands in for the log: every record is redacted and written as JSON, and then forgotten."""

    def __getattr__(self, level: str) -> Callable[..., None]:
        def write(event: str, **fields: object) -> None:
            orjson.dumps(redact(None, level, {"event": event, **fields}))

        return write


@contextmanager
def rendered_logs() -> Iterator[None]:
    """Keep the handler's log lines from the screen: thousands of records would only hide a failure."""
    with patch.object(module, "log", Rendered()):
        yield


class _Context:
    """A call that has time."""

    def time_remaining(self) -> float | None:
        return 5.0


class _Registry:
    """Takes what a gRPC server is told at its start."""

    def __init__(self) -> None:
        self.methods: Mapping[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Not looked at: the registered methods are the same ones."""

    def add_registered_method_handlers(self, service: str, methods: Mapping[str, Any]) -> None:
        assert service == _SERVICE
        self.methods = methods


class Boundary:
    """One servicer, with an event loop for all of its calls. Close it."""

    def __init__(self, servicer: Callable[[], AuthorizationServicer]) -> None:
        """`servicer` is called where the loop is set."""
        self._loop = asyncio.new_event_loop()
        registry = _Registry()
        self._loop.run_until_complete(self._register(servicer, registry))
        self._method = registry.methods["Check"]

    def close(self) -> None:
        self._loop.close()

    def call(self, wire: bytes) -> bytes | None:
        """Return the answer's bytes, None where gRPC finds no message in `wire` and the handler never runs."""
        try:
            request = self._method.request_deserializer(wire)
        except DecodeError:
            return None
        response = self._loop.run_until_complete(self._method.unary_unary(request, _Context()))
        answer: bytes = self._method.response_serializer(response)
        return answer

    def run(self, awaitable: Coroutine[Any, Any, object]) -> None:
        """Wait for something that a test needs to have happened."""
        self._loop.run_until_complete(awaitable)

    @staticmethod
    async def _register(servicer: Callable[[], AuthorizationServicer], registry: _Registry) -> None:
        add_AuthorizationServicer_to_server(servicer(), registry)  # type: ignore[arg-type] # all that it asks for


def inspect(answer: bytes, may_allow: Callable[[], bool]) -> str:
    """Check what every answer has to be, and return the decision it tells. Raises AssertionError.

    `may_allow` says whether the policy gave an allow, and is asked only where there is one.
    """
    # An empty message is an allow (measured), and no bytes are an empty message.
    assert answer, "the answer is the empty CheckResponse"
    response = CheckResponse.FromString(answer)
    decision = response.dynamic_metadata["decision"]
    if response.status.code == OK:
        assert may_allow(), "an allow that the policy didn't give"
        assert response.WhichOneof("http_response") == "ok_response"
        assert decision == "allow"
        options = response.ok_response.headers
    else:
        assert response.WhichOneof("http_response") == "denied_response"
        assert 200 <= int(response.denied_response.status.code) <= 599
        assert decision in {"deny", "hold", "refuse", "answer", "error"}
        options = response.denied_response.headers
    assert response.dynamic_metadata["decision_id"]
    for option in options:
        assert not _SPLITTING.search(option.header.key + option.header.value), "a header that splits messages"
    return str(decision)
