"""`holdgate.v1.Deliveries` as the commands use it."""

from __future__ import annotations

from collections.abc import Sequence

from authz.entrypoints.cli.tickets.client import CALL_SECONDS, ManagementClient, Token
from authz.wire.holdgate.v1 import deliveries_pb2 as wire
from authz.wire.holdgate.v1.deliveries_pb2_grpc import DeliveriesStub


class DeliveriesClient(ManagementClient):
    """Calls the management API. Every method raises CommandFailed."""

    def __init__(self, target: str, token: Token) -> None:
        """Take what every client takes."""
        super().__init__(target, token)
        self._stub = DeliveriesStub(self.channel)

    def page(self, size: int, token: str) -> wire.ListDeadLettersResponse:
        """See Letters."""
        request = wire.ListDeadLettersRequest(page_size=size, page_token=token)
        with self.sentences():
            return self._stub.ListDeadLetters(request, timeout=CALL_SECONDS, metadata=self.metadata())

    def replay(self, letter_id: str) -> wire.DeadLetter:
        """See Letters."""
        request = wire.ReplayDeadLetterRequest(id=letter_id)
        with self.sentences():
            return self._stub.ReplayDeadLetter(request, timeout=CALL_SECONDS, metadata=self.metadata())

    def answers(self, ticket_id: str) -> Sequence[wire.Answer]:
        """See Letters."""
        request = wire.ListAnswersRequest(ticket_id=ticket_id)
        with self.sentences():
            found = self._stub.ListAnswers(request, timeout=CALL_SECONDS, metadata=self.metadata())
        return found.answers
