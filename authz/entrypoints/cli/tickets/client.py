"""The management API as the commands use it. Errors of the channel become sentences and exit codes here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from authz.adapters.cards.text import one_line
from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.management.metadata_keys import DETAILS_KEY
from authz.entrypoints.management.refusal import DOMAIN
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsStub

Token: TypeAlias = Callable[[], str]

CALL_SECONDS = 10.0
PAGE_SIZE = 200
MESSAGE_BYTES_MAX = 16 << 20
SENTENCE_MAX = 500

_EXIT_CODES = {
    grpc.StatusCode.UNAUTHENTICATED: ExitCode.REFUSED,
    grpc.StatusCode.PERMISSION_DENIED: ExitCode.REFUSED,
    grpc.StatusCode.FAILED_PRECONDITION: ExitCode.REFUSED,
    grpc.StatusCode.ABORTED: ExitCode.REFUSED,
    grpc.StatusCode.INVALID_ARGUMENT: ExitCode.USAGE,
    grpc.StatusCode.NOT_FOUND: ExitCode.NOT_FOUND,
}


class StreamOver(Exception):
    """The server ended a stream because its time was over; resume it."""


class ManagementClient:
    """A connection to the management API at a local address. Every method of those below raises CommandFailed."""

    def __init__(self, target: str, token: Token) -> None:
        """`target` is what `local_target` made; `token` gives a bearer token for each call."""
        self._target = target
        self._token = token
        self.channel = grpc.insecure_channel(
            target,
            options=[("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.enable_http_proxy", 0)],
        )

    def close(self) -> None:
        """Give the connection back."""
        self.channel.close()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what proves the caller, for one call."""
        return (("authorization", f"Bearer {self._token()}"),)

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Turn what a call raises into CommandFailed, or StreamOver."""
        try:
            yield
        except grpc.RpcError as error:
            reason = _reason(error)
            if reason == "stream-ended":
                raise StreamOver from error
            status = error.code()
            code = _EXIT_CODES.get(status, ExitCode.UNAVAILABLE)
            text = str(error.details()) if reason else self._of_channel(status)
            raise CommandFailed(one_line(text, SENTENCE_MAX), code) from error

    def _of_channel(self, status: grpc.StatusCode) -> str:
        """Say what a status means that no management API of ours gave."""
        if status is grpc.StatusCode.UNAVAILABLE:
            return (
                f"nothing answers at {self._target}; does Holdgate run, with this HOLDGATE_MANAGEMENT_LISTEN?"
            )
        if status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self._target} did not answer within {CALL_SECONDS:g} s; try again"
        if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return f"{self._target} has too much to do; try again"
        return f"what answers at {self._target} is not Holdgate's management API ({status.name})"


class ApprovalsClient(ManagementClient):
    """Calls `holdgate.v1.Approvals`."""

    def __init__(self, target: str, token: Token) -> None:
        """Take what every client takes."""
        super().__init__(target, token)
        self._stub = ApprovalsStub(self.channel)

    def list(self, states: Sequence[wire.State.ValueType], limit: int) -> list[wire.Ticket]:
        """Return up to `limit` tickets, newest first."""
        tickets: list[wire.Ticket] = []
        page = ""
        while len(tickets) < limit:
            size = min(PAGE_SIZE, limit - len(tickets))
            request = wire.ListRequest(states=states, page_size=size, page_token=page)
            with self.sentences():
                answer = self._stub.List(request, timeout=CALL_SECONDS, metadata=self.metadata())
            tickets += answer.tickets
            page = answer.next_page_token
            if not page:
                break
        return tickets[:limit]

    def get(self, ticket_id: str) -> wire.Ticket:
        """Return one ticket, whole."""
        with self.sentences():
            return self._stub.Get(
                wire.GetRequest(id=ticket_id), timeout=CALL_SECONDS, metadata=self.metadata()
            )

    def vote(self, ticket: wire.Ticket, decision: wire.Decision.ValueType, comment: str) -> wire.Ticket:
        """Vote on exactly the ticket that was shown, and return it as it is afterwards."""
        request = wire.VoteRequest(
            id=ticket.id, decision=decision, comment=comment, shown_digest=ticket.digest
        )
        with self.sentences():
            return self._stub.Vote(request, timeout=CALL_SECONDS, metadata=self.metadata())

    def withdraw(self, ticket_id: str) -> wire.Ticket:
        """Take one's own vote back, and return the ticket as it is afterwards."""
        with self.sentences():
            return self._stub.Withdraw(
                wire.WithdrawRequest(id=ticket_id), timeout=CALL_SECONDS, metadata=self.metadata()
            )

    def cancel(self, ticket_id: str, comment: str) -> wire.Ticket:
        """Take one's own request back, and return the ticket as it is afterwards."""
        request = wire.CancelRequest(id=ticket_id, comment=comment)
        with self.sentences():
            return self._stub.Cancel(request, timeout=CALL_SECONDS, metadata=self.metadata())

    def revoke(self, ticket_id: str, comment: str) -> wire.Ticket:
        """Take a grant back, and return the ticket as it is afterwards."""
        request = wire.RevokeRequest(id=ticket_id, comment=comment)
        with self.sentences():
            return self._stub.Revoke(request, timeout=CALL_SECONDS, metadata=self.metadata())

    def reviews(self, limit: int) -> Sequence[wire.Review]:
        """Return up to `limit` open reviews, the one that is due first before the others."""
        request = wire.ListReviewsRequest(limit=limit)
        with self.sentences():
            return self._stub.ListReviews(request, timeout=CALL_SECONDS, metadata=self.metadata()).reviews

    def review(self, review_id: str) -> wire.Review:
        """Return one review, whole."""
        with self.sentences():
            return self._stub.GetReview(
                wire.GetReviewRequest(id=review_id), timeout=CALL_SECONDS, metadata=self.metadata()
            )

    def finish_review(self, review_id: str, comment: str) -> wire.Review:
        """Note what was found, and return the review as it is afterwards."""
        request = wire.FinishReviewRequest(id=review_id, comment=comment)
        with self.sentences():
            return self._stub.FinishReview(request, timeout=CALL_SECONDS, metadata=self.metadata())

    @contextmanager
    def watch(self, request: wire.WatchRequest) -> Iterator[grpc._CallIterator[wire.Event]]:
        """Open a stream for the length of a block. Raises StreamOver when it is time to resume."""
        call = self._stub.Watch(request, metadata=self.metadata())
        try:
            with self.sentences():
                yield call
        finally:
            call.cancel()


def _reason(error: grpc.RpcError) -> str:
    """Return the reason that our API gave, empty when the status isn't from it."""
    for entry in error.trailing_metadata() or ():
        if entry.key == DETAILS_KEY:
            info = ErrorInfo()
            try:
                details = Status.FromString(entry.value).details
                if any(detail.Unpack(info) for detail in details) and info.domain == DOMAIN:
                    return info.reason
            except DecodeError:
                return ""
    return ""
