from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc

from holdgate_client.blocking_clock import BlockingClock, Stop
from holdgate_client.grpc_conversation import Ended, GrpcConversation
from holdgate_client.grpc_metadata import Pair, beside, take_ticket
from holdgate_client.hold import Hold
from holdgate_client.patience import Patience
from holdgate_client.ticket import Ticket
from holdgate_client.wire import at_once

Request = TypeVar("Request")
Response = TypeVar("Response")
_LOST: Final = frozenset({grpc.StatusCode.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: tuple[Pair, ...]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class HoldgateInterceptor(grpc.UnaryUnaryClientInterceptor):
    """Waits where Holdgate holds a call of one message and one answer for an approval, and calls again.

    Raises HoldgateError where Holdgate answers for good. Every other failure is the grpc.RpcError that it would be
    without this. Calls that stream pass untouched.
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        on_hold: Callable[[Hold], object] | None = None,
        stop: Stop | None = None,
        resend_lost: Collection[str] = (),
    ) -> None:
        """Take what HoldgateTransport takes; `resend_lost` names methods: `{"/shop.Orders/Cancel"}`."""
        self._patience = patience if patience is not None else Patience()
        self._on_hold = on_hold
        self._stop = stop
        self._resend_lost = frozenset(resend_lost)

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], grpc._CallFuture[Response]],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> grpc._CallFuture[Response]:
        """Make a call, for as long as it takes; `future` of a stub does so before it returns."""
        given, ticket = take_ticket(client_call_details.metadata)

        async def send(ticket: Ticket | None, keep_open: int) -> Ended[grpc._CallFuture[Response]]:
            timeout = client_call_details.timeout
            details = _Details(
                client_call_details.method,
                timeout if timeout is None else timeout + keep_open,
                beside(given, ticket, keep_open),
                client_call_details.credentials,
                client_call_details.wait_for_ready,
                client_call_details.compression,
            )
            call = continuation(details, request)
            ended = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
            return Ended(call, ended, call.code() in _LOST)

        clock = BlockingClock(self._on_hold, self._stop)
        again = client_call_details.method in self._resend_lost
        conversation = GrpcConversation(clock, self._patience, send, ticket, resend_lost=again)
        return at_once(conversation.call())
