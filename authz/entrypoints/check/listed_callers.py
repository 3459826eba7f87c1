"""Lets only listed Envoys ask. A trusted CA's certificate is not enough: whoever asks names the principal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import monotonic
from typing import Any, Final

import grpc
import structlog

from authz.adapters.telemetry.metrics import Metrics
from authz.domain.envoy_identity import EnvoyIdentities

HEALTH: Final = "/grpc.health.v1.Health/"
"""Open to every caller with a valid certificate: it tells nothing, and probes are not Envoys."""

_LINE_SECONDS: Final = 1.0

log = structlog.get_logger("holdgate.tls")

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Any
"""A grpc.RpcMethodHandler of the asyncio kind, whose members the stubs describe as the blocking one's."""


class ListedCallers(grpc.aio.ServerInterceptor):
    """Stands before every method but health, those included that somebody adds later."""

    def __init__(self, identities: EnvoyIdentities, metrics: Metrics) -> None:
        """`identities` is the allow-list."""
        self._identities = identities
        self._metrics = metrics
        self._guarded: dict[str, Handler] = {}
        self._line_after = 0.0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the method's handler behind the list."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(HEALTH):
            return handler
        if method not in self._guarded:  # only methods that exist get here
            self._guarded[method] = self._guard(handler)
        return self._guarded[method]

    def _guard(self, handler: Handler) -> Handler:
        async def answer(request: object, context: Context) -> object:
            await self._admit(context)
            return await (handler.unary_unary or handler.stream_unary)(request, context)

        async def stream(request: object, context: Context) -> AsyncIterator[object]:
            await self._admit(context)
            async for message in (handler.unary_stream or handler.stream_stream)(request, context):
                yield message

        make: Any = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        behavior = stream if handler.response_streaming else answer
        return make(behavior, handler.request_deserializer, handler.response_serializer)

    async def _admit(self, context: Context) -> None:
        """Abort with PERMISSION_DENIED unless the connection's certificate is a listed Envoy's."""
        shown = context.auth_context()
        uris, names = _texts(shown.get("peer_uri", ())), _texts(shown.get("peer_dns", ()))
        if self._identities.permits(uris, names):
            return
        self._metrics.tls_refusals.inc()
        if monotonic() >= self._line_after:  # whoever is refused must not be able to fill the disk
            self._line_after = monotonic() + _LINE_SECONDS
            log.warning(
                "caller.unlisted",
                uris=uris[:4],
                names=names[:4],
                peer=context.peer(),
                advice="only Envoys belong into HOLDGATE_GRPC_CLIENT_IDENTITIES; each can claim any principal",
            )
        await context.abort(
            grpc.StatusCode.PERMISSION_DENIED, "the certificate is not one of HOLDGATE_GRPC_CLIENT_IDENTITIES"
        )


def _texts(values: Iterable[bytes]) -> list[str]:
    """Return the names that are ASCII, as certificates have to have them; others match nothing."""
    return [value.decode("ascii") for value in values if value.isascii()]
