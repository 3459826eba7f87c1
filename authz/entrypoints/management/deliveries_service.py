"""The calls of holdgate.v1.Deliveries. Who is calling was proven by the boundary before any of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from grpc import StatusCode

from authz.domain.identity import Actor
from authz.domain.token import is_ticket_id
from authz.entrypoints.management.authenticator import CALLER
from authz.entrypoints.management.letter_message import answer_message, letter_message
from authz.entrypoints.management.refusal import CallRefused
from authz.services.dead_letters import DeadLetterService
from authz.services.voting import VotingService
from authz.wire.holdgate.v1 import deliveries_pb2 as wire
from authz.wire.holdgate.v1.deliveries_pb2_grpc import DeliveriesServicer

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

PAGE_SIZE = 50


class DeliveriesService(DeliveriesServicer):
    """Shows what was given up, and sends it again, to whom the operator's rule lets audit."""

    def __init__(self, voting: VotingService, letters: DeadLetterService) -> None:
        """Take what knows callers as persons, and the dead letters."""
        self._voting = voting
        self._letters = letters

    async def ListDeadLetters(  # noqa: N802 - gRPC's
        self,
        request: wire.ListDeadLettersRequest,
        context: Context,  # noqa: ARG002 - gRPC's
    ) -> wire.ListDeadLettersResponse:
        """Return one page, newest first."""
        actor = await self._actor()
        try:
            page = await self._letters.page(actor, request.page_size or PAGE_SIZE, request.page_token)
        except ValueError:
            text = "page_token is not a page token; send one that ListDeadLetters gave, unchanged."
            raise CallRefused(StatusCode.INVALID_ARGUMENT, "invalid-argument", text) from None
        letters = [letter_message(letter) for letter in page.letters]
        return wire.ListDeadLettersResponse(letters=letters, next_page_token=page.cursor)

    async def ReplayDeadLetter(  # noqa: N802 - gRPC's
        self,
        request: wire.ReplayDeadLetterRequest,
        context: Context,  # noqa: ARG002 - gRPC's
    ) -> wire.DeadLetter:
        """Send one again and return it as it was."""
        return letter_message(await self._letters.replay(await self._actor(), request.id))

    async def ListAnswers(  # noqa: N802 - gRPC's
        self,
        request: wire.ListAnswersRequest,
        context: Context,  # noqa: ARG002 - gRPC's
    ) -> wire.ListAnswersResponse:
        """Return what the channels answered to the notices of one ticket."""
        actor = await self._actor()
        if not is_ticket_id(request.ticket_id):
            raise CallRefused(StatusCode.NOT_FOUND, "unknown-ticket", "There is no such ticket.")
        answers = await self._letters.answers(actor, request.ticket_id)
        return wire.ListAnswersResponse(answers=[answer_message(answer) for answer in answers])

    async def _actor(self) -> Actor:
        return await self._voting.actor(CALLER.get())
