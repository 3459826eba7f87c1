from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, TypeVar

import grpc
import grpc.aio

from holdgate_client.async_clock import AsyncClock, Sleep
from holdgate_client.grpc_conversation import Ended, GrpcConversation
from holdgate_client.grpc_metadata import beside, take_ticket
from holdgate_client.hold import Hold
from holdgate_client.patience import Patience
from holdgate_client.ticket import Ticket

Request = TypeVar("Request")
Response = TypeVar("Response")
_LOST: Final = frozenset({grpc.StatusCode.UNAVAILABLE})


class AsyncHoldgateInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """As HoldgateInterceptor, for grpc.aio. Cancelling the call ends the wait."""

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        on_hold: Callable[[Hold], object] | None = None,
        resend_lost: Collection[str] = (),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take what AsyncHoldgateTransport takes; `resend_lost` names methods: `{"/shop.Orders/Cancel"}`."""
        self._patience = patience if patience is not None else Patience()
        self._on_hold = on_hold
        self._resend_lost = frozenset(resend_lost)
        self._sleep = sleep

    async def intercept_unary_unary(
        self,
        continuation: Callable[
            [grpc.aio.ClientCallDetails, Request], Awaitable[grpc.aio.UnaryUnaryCall[Request, Response]]
        ],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> grpc.aio.UnaryUnaryCall[Request, Response]:
        """Make a call, for as long as it takes."""
        given, ticket = take_ticket(client_call_details.metadata)

        async def send(
            ticket: Ticket | None, keep_open: int
        ) -> Ended[grpc.aio.UnaryUnaryCall[Request, Response]]:
            timeout = client_call_details.timeout
            details = grpc.aio.ClientCallDetails(
                client_call_details.method,
                timeout if timeout is None else timeout + keep_open,
                grpc.aio.Metadata(*beside(given, ticket, keep_open)),
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            )
            call = await continuation(details, request)
            try:
                code = await call.code()
            except asyncio.CancelledError:
                call.cancel()
                raise
            ended = [*(await call.initial_metadata() or ()), *(await call.trailing_metadata() or ())]
            return Ended(call, ended, code in _LOST)

        method: str | bytes = client_call_details.method
        name = method.decode() if isinstance(method, bytes) else method
        again = name in self._resend_lost
        clock = AsyncClock(self._on_hold, self._sleep)
        return await GrpcConversation(clock, self._patience, send, ticket, resend_lost=again).call()
