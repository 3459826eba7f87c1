"""Calls by gRPC, and what a caller learns of a failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

METHOD = "/shop.Orders/Say"
WAIT = 15.0

Metadata = Sequence[tuple[str, str]]
Caller = Callable[[int, str, Metadata], object]


def call(
    port: int, name: str = METHOD, metadata: Metadata = (), messages: Sequence[bytes] = (b"a",)
) -> list[bytes]:
    """Call a method with a stream of messages that ends at once. Raises grpc.RpcError."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(name)
        return list(method(iter(messages), timeout=WAIT, metadata=tuple(metadata)))


def unary(port: int, name: str = METHOD, metadata: Metadata = ()) -> bytes:
    """Call a method with one message. Raises grpc.RpcError."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(name)
        return method(b"a", timeout=WAIT, metadata=tuple(metadata))


@dataclass(frozen=True, slots=True)
class Failure:
    """What a caller learns."""

    code: grpc.StatusCode
    details: str
    metadata: Mapping[str, str | bytes]


def failure(caller: Caller, port: int, name: str = METHOD, metadata: Metadata = ()) -> Failure:
    """Make a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        caller(port, name, metadata)
    error: Any = caught.value  # a grpc.Call too, which its types don't say
    return Failure(
        error.code(), error.details(), dict([*error.initial_metadata(), *error.trailing_metadata()])
    )
