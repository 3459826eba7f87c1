"""The same for gRPC, with the extra `grpc`: interceptors for calls of one message and one answer."""

from __future__ import annotations

from holdgate_client.grpc_aio_interceptor import AsyncHoldgateInterceptor
from holdgate_client.grpc_interceptor import HoldgateInterceptor

__all__ = ["AsyncHoldgateInterceptor", "HoldgateInterceptor"]
