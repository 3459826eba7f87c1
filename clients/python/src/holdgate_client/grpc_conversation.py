from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from holdgate_client.errors import error_of
from holdgate_client.grpc_answer import GrpcAnswer, Metadata
from holdgate_client.hold import APPROVED
from holdgate_client.pace import GAP
from holdgate_client.patience import Patience
from holdgate_client.ticket import Ticket
from holdgate_client.wait import Wait
from holdgate_client.wire import Clock

Call = TypeVar("Call")

_SHORT_AFTER: Final = 2


@dataclass(frozen=True, slots=True)
class Ended(Generic[Call]):
    """A call that has ended, and what it ended with. `lost` says that nobody answered it."""

    call: Call
    metadata: Metadata
    lost: bool


class GrpcConversation(Generic[Call]):
    """What is said between a client and a gate about one call of one message.

    There is no status to ask after by gRPC, so each question is the call itself, kept open by the gate where it does
    that. `send` makes the call, with a ticket if there is one and for how many seconds it is to stay open.
    """

    def __init__(
        self,
        clock: Clock,
        patience: Patience,
        send: Callable[[Ticket | None, int], Awaitable[Ended[Call]]],
        ticket: Ticket | None,
        *,
        resend_lost: bool,
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._send = send
        self._ticket = ticket
        self._resend_lost = resend_lost
        self._wait: Wait | None = None

    async def call(self) -> Call:
        """Return the call that the upstream answered, or that failed for another reason. Raises HoldgateError."""
        began, keep_open = self._clock.now(), 0
        while True:
            ended = await self._send(self._ticket, keep_open)
            answer = GrpcAnswer.parse(ended.metadata)
            if answer is None:
                if not (ended.lost and self._resend_lost) or self._wait is None:
                    return ended.call
                await self._wait.pause_after(None)
            else:
                await self._heed(answer, self._clock.now() - began if keep_open else 0.0)
            began, keep_open = self._clock.now(), self._keep_open()

    async def _heed(self, answer: GrpcAnswer, waited: float) -> None:
        """Return when it makes sense to call again."""
        hold = answer.hold()
        if hold is None or answer.token is None:
            trouble = answer.problem()
            if self._wait is None or not trouble.passing:
                raise error_of(trouble)
            await self._wait.pause_after(error_of(trouble), trouble.retry_after)
            return
        presented = self._ticket is not None and self._ticket.token == answer.token
        ticket = self._ticket = Ticket(answer.token)
        if self._wait is None:
            self._wait = Wait(self._clock, self._patience, ticket, hold)
        await self._wait.meet(ticket, hold)
        if hold.state == APPROVED:
            await self._wait.approved(presented=presented)
        elif presented or not self._patience.ask:
            await self._wait.pause(self._wait.pace.after(waited, answer.retry_after))
        else:
            await self._wait.pause(GAP)

    def _keep_open(self) -> int:
        if self._wait is None or self._wait.hold.state == APPROVED or self._wait.failures >= _SHORT_AFTER:
            return 0
        return self._wait.pace.ask(self._clock.now())
