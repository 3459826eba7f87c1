"""A gate for gRPC callers, over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from clients.python.tests.gate_double import TICKET, Time, identifier, token
from holdgate_client import Hold, Patience
from holdgate_client.grpc import AsyncHoldgateInterceptor, HoldgateInterceptor

METHOD = "/shop.Orders/Cancel"
PATIENCE = 15.0

Metadata = tuple[tuple[str, str], ...]
Failure = tuple[grpc.StatusCode, str, tuple[tuple[str, str | bytes], ...]]


def failure(code: grpc.StatusCode, kind: str, retry_after: int | None = None, /, **metadata: str) -> Failure:
    """Return what Holdgate ends a call with."""
    number: int = code.value[0]
    status = Status(code=number, message=f"It is {kind}.")
    details: list[ErrorInfo | RetryInfo] = [ErrorInfo(reason=kind, domain="holdgate", metadata=metadata)]
    if retry_after is not None:
        details.append(RetryInfo(retry_delay=Duration(seconds=retry_after)))
    for detail in details:
        packed = Packed()
        packed.Pack(detail)
        status.details.append(packed)
    return code, status.message, (("grpc-status-details-bin", status.SerializeToString()),)


@dataclass
class GrpcGateDouble(grpc.GenericRpcHandler):
    """Holds every call but one with an approved ticket. `calls` has the metadata of each."""

    state: str = "pending"
    number: int = 1
    decided_after: int | None = 3
    decision: str = "approved"
    ending: Failure = field(
        default_factory=lambda: failure(
            grpc.StatusCode.PERMISSION_DENIED, "REJECTED", rejected_by="Bob", comment="no"
        )
    )
    calls: list[dict[str, str | bytes]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    troubles_of_tickets: deque[Failure] = field(default_factory=deque)
    done: int = 0
    upstream: Callable[[], Failure | None] = lambda: None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        received = dict(handler_call_details.invocation_metadata)

        def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append(received)
            self.messages.append(message)
            self.deadlines.append(context.time_remaining())
            refused = self._refusal(received)
            if refused is not None:
                code, text, metadata = refused
                context.set_trailing_metadata(metadata)
                context.abort(code, text)
            return b"done: " + message

        return grpc.unary_unary_rpc_method_handler(answer)

    def _refusal(self, received: dict[str, str | bytes]) -> Failure | None:
        presented = received.get(TICKET)
        if presented is not None and self.troubles_of_tickets:
            return self.troubles_of_tickets.popleft()
        if self.decided_after is not None:
            self.decided_after -= 1
            if self.decided_after == 0:
                self.state, self.decided_after = self.decision, None
        if self.state == "approved" and presented == token(self.number):
            self.done += 1
            return self.upstream()
        return self.hold() if self.state in {"pending", "approved"} else self.ending

    def hold(self) -> Failure:
        code, text, metadata = failure(
            grpc.StatusCode.FAILED_PRECONDITION,
            "HELD",
            0 if self.state == "approved" else 5,
            id=identifier(self.number),
            state=self.state,
            rule="cancel-order",
            reason="[1]",
            expires_at="2026-03-02T09:41:07Z",
            progress_given="0",
            progress_needed="1",
            progress_awaiting=json.dumps(["sre"]),
            links_status=f"/.holdgate/tickets/{identifier(self.number)}",
            links_review=f"https://holdgate.test/tickets/{identifier(self.number)}",
        )
        return code, text, (*metadata, (TICKET, token(self.number)))

    @contextmanager
    def running(self) -> Iterator[int]:
        """Serve on a port until the block ends."""
        server = grpc.server(ThreadPoolExecutor(4), handlers=[self], options=[("grpc.so_reuseport", 0)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(grace=None).wait()


@dataclass
class GrpcCaller:
    """A client, sync or async."""

    kind: str
    time: Time
    port: int
    patience: Patience = field(default_factory=lambda: Patience(total=600))
    resend_lost: frozenset[str] = frozenset()
    heard: list[Hold] = field(default_factory=list)

    def call(
        self, message: bytes = b"m", metadata: Metadata | None = None, timeout: float | None = PATIENCE
    ) -> bytes:
        if self.kind == "async":
            return asyncio.run(self._call(message, metadata, timeout))
        own = HoldgateInterceptor(
            patience=self.patience, on_hold=self.heard.append, stop=self.time, resend_lost=self.resend_lost
        )
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as plain:
            method: Any = grpc.intercept_channel(plain, own).unary_unary(METHOD)
            answer: bytes = method(message, metadata=metadata, timeout=timeout)
            return answer

    async def _call(self, message: bytes, metadata: Metadata | None, timeout: float | None) -> bytes:
        own = AsyncHoldgateInterceptor(
            patience=self.patience,
            on_hold=self.heard.append,
            sleep=self.time.asleep,
            resend_lost=self.resend_lost,
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", interceptors=[own]) as channel:
            method: Any = channel.unary_unary(METHOD)
            answer: bytes = await method(message, metadata=metadata, timeout=timeout)
            return answer
