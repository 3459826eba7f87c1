from __future__ import annotations

from collections.abc import Collection
from typing import Final

import httpx

from holdgate_client.answer import Answer
from holdgate_client.asking import Asking
from holdgate_client.errors import HoldgateError, LostAnswer, NotReplayable, error_of
from holdgate_client.hold import APPROVED
from holdgate_client.origin import Origin
from holdgate_client.outgoing import REPLAYABLE_EXTENSION, patient, replayable, take_ticket, with_ticket
from holdgate_client.patience import Patience
from holdgate_client.problem import Problem
from holdgate_client.reading import Held, held, problem
from holdgate_client.ticket import Ticket
from holdgate_client.wait import Wait
from holdgate_client.wire import Wire

_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Conversation:
    """What is said between a client and a gate about one request, until the upstream answers it.

    A hold is waited out by asking after its ticket. Only when somebody has decided is the request itself sent again,
    so that an answer can get lost between the gate and here once, and not on each of many tries. Where no status is
    to be had, sending the request again is the question.

    `resend_lost` names the methods that may be sent again when it isn't known whether they were carried out.
    """

    def __init__(
        self, wire: Wire, request: httpx.Request, patience: Patience, resend_lost: Collection[str]
    ) -> None:
        self._wire = wire
        self._patience = patience
        self._resend_lost = resend_lost
        self._origin = Origin.of_request(request)
        self._ticket = take_ticket(request)
        self._request = patient(request)
        self._replayable = replayable(request)
        self._asking = Asking(wire, patience, self._request)
        self._wait: Wait | None = None
        self._lost: httpx.TransportError | None = None

    async def response(self) -> httpx.Response:
        """Return the upstream's answer, or the policy's own. Raises HoldgateError and httpx.TransportError."""
        try:
            return await self._answered()
        except HoldgateError as error:
            error.request = self._request
            raise

    async def _answered(self) -> httpx.Response:
        while True:
            answer = await self._send()
            found = held(answer, self._request)
            if found is not None:
                await self._until_worth_sending(found)
                continue
            trouble = problem(answer)
            if trouble is None:
                return answer.response
            await self._sit_out(trouble)

    async def _send(self) -> Answer:
        """Send the request, with the ticket if there is one."""
        outgoing = self._request if self._ticket is None else with_ticket(self._request, self._ticket)
        while True:
            try:
                return await self._wire.send(outgoing)
            except _UNSENT as error:
                if self._wait is None:
                    raise
                await self._wait.pause_after(error)
            except httpx.TransportError as error:
                if self._ticket is None:
                    raise
                self._lost = error
                if self._wait is None or self._request.method not in self._resend_lost:
                    raise self._lost_answer(self._ticket) from error
                await self._wait.pause_after(error)

    async def _until_worth_sending(self, found: Held) -> None:
        """Take the ticket, and return when the request may go through with it."""
        presented = self._ticket is not None and self._ticket.token == found.token
        ticket = self._ticket = Ticket(found.token, self._origin)
        if self._wait is None:
            self._wait = Wait(self._wire, self._patience, ticket, found.hold)
        await self._wait.meet(ticket, found.hold)
        if not self._replayable:
            raise NotReplayable(
                f"The request is held as ticket {ticket.id}, and its body is a stream, which can't be sent again. "
                f"Give it as bytes, or say with extensions={{{REPLAYABLE_EXTENSION!r}: True}} that the stream gives "
                "the same bytes each time it is read.",
                ticket,
                self._wait.hold,
            )
        if found.hold.state != APPROVED:
            await self._asking.until_decided(self._wait, found.retry_after)
        else:
            await self._wait.approved(presented=presented)

    async def _sit_out(self, trouble: Problem) -> None:
        """Pause after trouble that passes, while there is a ticket to go on with. Raises Answered, LostAnswer."""
        if self._lost is not None and self._ticket is not None and trouble.kind == "used-up":
            raise self._lost_answer(self._ticket, trouble) from self._lost
        if self._wait is None or not trouble.passing:
            raise error_of(trouble)
        await self._wait.pause_after(error_of(trouble), trouble.retry_after)

    def _lost_answer(self, ticket: Ticket, afterwards: Problem | None = None) -> LostAnswer:
        known = (
            "The gate says that the approval is used up, so it was most likely let through."
            if afterwards
            else "It may have been carried out: look before you send it again, with the ticket."
        )
        hold = self._wait.hold if self._wait else None
        return LostAnswer(
            f"The request was sent with ticket {ticket.id}, and its answer was lost. {known}",
            ticket,
            hold,
            afterwards,
        )
