"""Calls by gRPC, and what a caller learns of a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.support.grpc_details import Details, details

METHOD = "/shop.Orders/Say"
WAIT = 15.0
DETAILS = "grpc-status-details-bin"

Metadata = Sequence[tuple[str, str]]
Caller = Callable[[int, str, Metadata], object]


def call(
    port: int, name: str = METHOD, metadata: Metadata = (), messages: Sequence[bytes] = (b"a",)
) -> list[bytes]:
    """Call a method with a stream of messages that ends at once. Raises grpc.RpcError."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(name)
        return list(method(iter(messages), timeout=WAIT, metadata=tuple(metadata)))


def unary(port: int, name: str = METHOD, metadata: Metadata = (), message: bytes = b"a") -> bytes:
    """Call a method with one message. Raises grpc.RpcError."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(name)
        return method(message, timeout=WAIT, metadata=tuple(metadata))


def aio_unary(port: int, name: str = METHOD, metadata: Metadata = ()) -> bytes:
    """Do as `unary`, with the other of gRPC's Python clients."""

    async def called() -> bytes:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            method: Any = channel.unary_unary(name)
            answer: bytes = await method(b"a", timeout=WAIT, metadata=tuple(metadata))
            return answer

    return asyncio.run(called())


def aio_call(port: int, name: str = METHOD, metadata: Metadata = ()) -> list[bytes]:
    """Do as `call`, with the other of gRPC's Python clients."""

    async def messages() -> AsyncIterator[bytes]:
        yield b"a"

    async def called() -> list[bytes]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            method: Any = channel.stream_stream(name)
            return [answer async for answer in method(messages(), timeout=WAIT, metadata=tuple(metadata))]

    return asyncio.run(called())


CALLERS: Mapping[str, Caller] = {
    "unary": unary,
    "streaming": call,
    "asyncio unary": aio_unary,
    "asyncio streaming": aio_call,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a caller learns."""

    code: grpc.StatusCode
    details: str
    metadata: Mapping[str, str | bytes]

    @property
    def rich(self) -> Details:
        """The details beside code and message, with which they have to agree for gRPC's own reader to take them."""
        encoded = self.metadata[DETAILS]
        assert isinstance(encoded, bytes)
        read = details(encoded)
        assert (read.code, read.message) == (self.code.value[0], self.details)
        return read


def failure(caller: Caller, port: int, name: str = METHOD, metadata: Metadata = ()) -> Failure:
    """Make a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        caller(port, name, metadata)
    error: Any = caught.value  # a grpc.Call too, which its types don't say
    return Failure(
        error.code(), error.details(), dict([*error.initial_metadata(), *error.trailing_metadata()])
    )


@dataclass(slots=True)
class Echo(grpc.GenericRpcHandler):
    """Answers each message of a stream with itself, and keeps every call's name and metadata."""

    port: int = 0
    calls: list[tuple[str, Mapping[str, str | bytes]]] = field(default_factory=list)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        received = dict(handler_call_details.invocation_metadata)
        self.calls.append((handler_call_details.method, received))
        return grpc.stream_stream_rpc_method_handler(lambda messages, _context: messages)


@contextmanager
def echoing() -> Iterator[Echo]:
    """Run an upstream that speaks gRPC until the block ends."""
    echo = Echo()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[echo], options=[("grpc.so_reuseport", 0)])
    echo.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield echo
    finally:
        server.stop(grace=None).wait()
