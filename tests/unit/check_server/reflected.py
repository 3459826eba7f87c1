"""A client of gRPC reflection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc


async def reflected_services(channel: grpc.aio.Channel) -> list[str]:
    """Return the names of the services that a server tells."""

    async def asking() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type] # the stubs know the blocking kind only
    async for answer in stub.ServerReflectionInfo(asking(), timeout=10):
        return [service.name for service in answer.list_services_response.service]
    return []


async def reflected_file(channel: grpc.aio.Channel, symbol: str) -> list[bytes]:
    """Return the descriptors of the files that a symbol needs."""

    async def asking() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)

    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type] # the stubs know the blocking kind only
    async for answer in stub.ServerReflectionInfo(asking(), timeout=10):
        return list(answer.file_descriptor_response.file_descriptor_proto)
    return []
