"""What a failed call says, in the words that clients rely on."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status


@dataclass(frozen=True, slots=True)
class Failure:
    status: str
    reason: str
    domain: str
    message: str
    retry: bool


def failure(error: grpc.aio.AioRpcError) -> Failure:
    """Read the google.rpc details of an error."""
    [packed] = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    status = Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info, retry = ErrorInfo(), RetryInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    retried = any(detail.Unpack(retry) for detail in status.details)
    return Failure(error.code().name, info.reason, info.domain, status.message, retried)
