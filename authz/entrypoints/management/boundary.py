"""The one place through which every call comes in and every error goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import grpc
import structlog
from grpc import StatusCode

from authz.entrypoints.management.authenticator import CALLER, Authenticator
from authz.entrypoints.management.refusal import CallRefused, Refusal, refusal_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from google.protobuf.message import Message

Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"

log = structlog.get_logger(__name__)


class Boundary(grpc.aio.ServerInterceptor):
    """Authenticates each call before its handler runs, and turns whatever a handler raises into a status.

    Every method of every service passes here, so a new one can't forget either.
    """

    def __init__(self, authenticator: Authenticator, *, write_timeout: float) -> None:
        """`write_timeout` is how long, in seconds, one message of a stream may wait for its reader."""
        self._authenticator = authenticator
        self._write_timeout = write_timeout

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - as grpc declares it
        """Wrap the handler; a method that doesn't exist stays UNIMPLEMENTED."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        serializers = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), *serializers)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream), *serializers
            )
        msg = f"{method} takes a stream of requests, which no method here may"
        raise TypeError(msg)

    def _unary(
        self, method: str, handle: Callable[[Message, Context], Awaitable[Message]]
    ) -> Callable[[Message, Context], Awaitable[Message]]:
        async def call(request: Message, context: Context) -> Message:  # noqa: RET503 - it ends in an abort
            try:
                await self._admit(context)
                answer = await handle(request, context)
            except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, no text of it gets out
                refusal = self._refusal(method, error)
            else:
                log.info("management.call", method=method, status="OK", caller=_caller())
                return answer
            await self._abort(context, refusal)

        return call

    def _stream(
        self, method: str, handle: Callable[[Message, Context], AsyncIterator[Message]]
    ) -> Callable[[Message, Context], Awaitable[None]]:
        async def call(request: Message, context: Context) -> None:
            try:
                await self._admit(context)
                # Closed here and now: a cancelled call would otherwise leave the generator to the collector.
                async with aclosing(cast("AsyncGenerator[Message]", handle(request, context))) as messages:
                    async for message in messages:
                        await self._write(context, message)
            except Exception as error:  # noqa: BLE001 - as above
                refusal = self._refusal(method, error)
            else:
                log.info("management.call", method=method, status="OK", caller=_caller())
                return
            await self._abort(context, refusal)

        return call

    async def _admit(self, context: Context) -> None:
        metadata = [(str(key), value) for key, value in context.invocation_metadata() or ()]
        CALLER.set(await self._authenticator.authenticate(metadata))

    async def _write(self, context: Context, message: Message) -> None:
        try:
            async with asyncio.timeout(self._write_timeout):
                await context.write(message)
        except TimeoutError:
            text = f"The stream was not read for {self._write_timeout:g} s. Resume after the last event."
            raise CallRefused(StatusCode.RESOURCE_EXHAUSTED, "slow-reader", text) from None

    async def _abort(self, context: Context, refusal: Refusal) -> NoReturn:
        # A status waits behind the messages that nobody reads; the call mustn't stay for it.
        async with asyncio.timeout(self._write_timeout):
            await context.abort(refusal.status, refusal.message, refusal.trailing_metadata())

    @staticmethod
    def _refusal(method: str, error: Exception) -> Refusal:
        refusal = refusal_of(error)
        status = refusal.status.name
        if refusal.status is StatusCode.INTERNAL:
            log.error("management.failed", method=method, caller=_caller(), exc_info=error)
        else:
            log.info("management.call", method=method, status=status, reason=refusal.reason, caller=_caller())
        return refusal


def _caller() -> str:
    caller = CALLER.get(None)
    return str(caller.identity) if caller else ""
