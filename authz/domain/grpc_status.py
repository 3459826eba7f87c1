"""The canonical status codes of gRPC that Holdgate answers with (google.rpc.Code)."""

from __future__ import annotations

from enum import IntEnum


class GrpcStatus(IntEnum):
    """The numbers are google.rpc.Code's. None of them is OK."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16
