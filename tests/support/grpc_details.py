"""What a gRPC caller reads in google.rpc.Status, by hand, as a client without grpcio-status does."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status


@dataclass(frozen=True, slots=True)
class Details:
    """A status taken apart. `retry_after` is in seconds, None without a RetryInfo."""

    code: int
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    retry_after: int | None


def details(status: bytes) -> Details:
    """Read `grpc-status-details-bin`. Raises AssertionError for one that isn't made as ours are."""
    read = Status.FromString(status)
    info, retry = ErrorInfo(), RetryInfo()
    assert read.details
    assert read.details[0].Unpack(info)
    assert len(read.details) <= 2
    retries = [packed.Unpack(retry) for packed in read.details[1:]]
    assert all(retries)
    seconds = retry.retry_delay.ToSeconds() if retries else None
    return Details(read.code, read.message, info.reason, info.domain, dict(info.metadata), seconds)


def decoded(value: str) -> bytes:
    """Return the bytes of a binary metadata value as it goes over the wire. Raises AssertionError for padding."""
    assert "=" not in value
    return b64decode(value + "=" * (-len(value) % 4), validate=True)
