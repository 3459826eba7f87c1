"""Asking an ext_authz server over gRPC."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import grpc

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse

_METHOD = "/envoy.service.auth.v3.Authorization/Check"
_SECONDS = 10.0


class Asking:
    """A channel to one server: `HOST:PORT` or `unix:/path`."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._check = self._channel.unary_unary(
            _METHOD, CheckRequest.SerializeToString, CheckResponse.FromString
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def ask(self, request: CheckRequest) -> CheckResponse | None:
        """Return the answer, None for an RPC error. Raises ConnectionError where nobody listens."""
        try:
            return self._check(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise ConnectionError(error.details()) from error
            return None
