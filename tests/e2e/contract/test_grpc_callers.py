"""What a gRPC caller sees of a refusal, and what buffering does to streams."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import grpc
import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint
from tests.e2e.contract.answers import denying, header
from tests.e2e.contract.bare import per_route
from tests.e2e.contract.conftest import PATIENCE
from tests.e2e.contract.grpc_calls import METHOD, WAIT, Caller, call, failure, unary
from tests.e2e.envoy_config.stack import Document, Gate, Stack

TICKET = "x-approval-ticket"


class _Echo(grpc.GenericRpcHandler):
    """Answers each message of a stream with itself."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        del handler_call_details
        return grpc.stream_stream_rpc_method_handler(lambda messages, _context: messages)


@contextmanager
def echoing() -> Iterator[TcpEndpoint]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Echo()], options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield TcpEndpoint("127.0.0.1", port)
    finally:
        server.stop(grace=None).wait()


@pytest.mark.parametrize("caller", [unary, call])
def test_a_202_is_an_unknown_error_with_the_body_for_a_message(
    caller: Caller, stack: Stack, shipped: Gate
) -> None:
    stack.check.answer = denying(header(TICKET, "hg1.a"), status=202, body='{"id":"1"}')
    seen = failure(caller, shipped.port)
    assert (seen.code, seen.details) == (grpc.StatusCode.UNKNOWN, '{"id":"1"}')
    assert seen.metadata[TICKET] == "hg1.a"
    assert not stack.upstream.received


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, grpc.StatusCode.INTERNAL),
        (401, grpc.StatusCode.UNAUTHENTICATED),
        (403, grpc.StatusCode.PERMISSION_DENIED),
        (429, grpc.StatusCode.UNAVAILABLE),
        (503, grpc.StatusCode.UNAVAILABLE),
        (409, grpc.StatusCode.UNKNOWN),
        (413, grpc.StatusCode.UNKNOWN),
    ],
)
def test_other_statuses_are_what_grpc_maps_them_to(
    status: int, code: grpc.StatusCode, stack: Stack, shipped: Gate
) -> None:
    stack.check.answer = denying(status=status, body="no")
    seen = failure(unary, shipped.port)
    assert (seen.code, seen.details) == (code, "no")


@pytest.mark.parametrize("caller", [unary, call])
def test_a_refusals_own_grpc_status_counts(caller: Caller, stack: Stack, shipped: Gate) -> None:
    stack.check.answer = denying(header("grpc-status", "9"), header(TICKET, "hg1.a"), status=202, body="held")
    seen = failure(caller, shipped.port)
    assert seen.code is grpc.StatusCode.FAILED_PRECONDITION
    assert seen.metadata[TICKET] == "hg1.a"


def test_what_is_allowed_reaches_a_grpc_upstream(stack: Stack) -> None:
    with (
        echoing() as upstream,
        stack.gate(upstream=upstream, upstream_http2=True, check_timeout=PATIENCE) as gate,
    ):
        assert unary(gate.port) == b"a"
        assert call(gate.port, messages=[b"a", b"b"]) == [b"a", b"b"]
    assert stack.check.checks[0].attributes.request.http.raw_body == b"\0\0\0\0\x01a"


def not_buffered(document: Document) -> None:
    per_route(document, disable_request_body_buffering=True)


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "not buffered"])
def test_a_stream_that_waits_for_an_answer_needs_a_route_without_buffering(
    buffered: bool, stack: Stack
) -> None:
    """Envoy waits for the end of the body, or the limit, before it asks; the caller for the first answer."""
    changes = [] if buffered else [not_buffered]
    with (
        echoing() as upstream,
        stack.gate(*changes, upstream=upstream, upstream_http2=True, check_timeout=PATIENCE) as gate,
        grpc.insecure_channel(f"127.0.0.1:{gate.port}") as channel,
    ):
        said: SimpleQueue[bytes] = SimpleQueue()
        said.put(b"a")
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        answers = iter(method(iter(said.get, b""), timeout=2.0 if buffered else WAIT))
        if buffered:
            with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
                next(answers)
            assert not stack.check.checks
        else:
            assert next(answers) == b"a"
        said.put(b"")
