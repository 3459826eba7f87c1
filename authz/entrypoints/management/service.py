"""The calls of holdgate.v1.Approvals. Who is calling was proven by the boundary before any of them runs."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from authz.domain.events import Event
from authz.domain.identity import Person
from authz.domain.ticket import State
from authz.domain.token import is_ticket_id
from authz.domain.voting import Ballot
from authz.entrypoints.management.authenticator import CALLER
from authz.entrypoints.management.feed import Feed, is_position
from authz.entrypoints.management.metadata_keys import POSITION_KEY
from authz.entrypoints.management.page_token import cursor_of, page_token
from authz.entrypoints.management.refusal import CallRefused
from authz.entrypoints.management.ticket_message import DECISIONS, STATES, summary_message, ticket_message
from authz.services.bodies import kept_body
from authz.services.ports import Loaded, TicketStore
from authz.services.voting import VotingService
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsServicer

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200
WATCHED_TICKETS_MAX = 100

_STATE_OF = {number: state for state, number in STATES.items()}
_CHOICE_OF = {number: choice for choice, number in DECISIONS.items()}
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ApprovalsService(ApprovalsServicer):
    """Shows tickets and takes votes. Whom the directory doesn't know is shown nothing."""

    def __init__(self, store: TicketStore, voting: VotingService, feed: Feed) -> None:
        """Take the tickets, the one way to vote on them, and the events to watch."""
        self._store = store
        self._voting = voting
        self._feed = feed

    async def List(self, request: wire.ListRequest, context: Context) -> wire.ListResponse:  # noqa: ARG002, N802 - gRPC's
        """Return one page, newest first."""
        await self._known()
        states = {_state(number) for number in request.states}
        try:
            cursor = cursor_of(request.page_token, states)
        except ValueError as error:
            raise _invalid("page_token", str(error)) from error
        limit = min(request.page_size or PAGE_SIZE, PAGE_SIZE_MAX)
        stored = next(iter(states)) if len(states) == 1 else None
        page = await self._store.page(stored, limit, cursor)
        # Filtered again: a deadline passes before the store is told, and it takes one state at most.
        shown = [ticket for ticket in page.tickets if not states or ticket.state_at(page.now) in states]
        return wire.ListResponse(
            tickets=[summary_message(ticket, page.now) for ticket in shown],
            next_page_token=page_token(states, page.cursor),
        )

    async def Get(self, request: wire.GetRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Return one ticket, with all that a person should see before deciding."""
        await self._known()
        found = await self._find(request.id)
        if found is None:
            raise CallRefused(StatusCode.NOT_FOUND, "unknown-ticket", "There is no such ticket.")
        return found

    async def Vote(self, request: wire.VoteRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Count one vote and return the ticket as it is afterwards."""
        choice = _CHOICE_OF.get(request.decision)
        if choice is None:
            raise _invalid("decision", "must be DECISION_APPROVE or DECISION_REJECT")
        if not _DIGEST.fullmatch(request.shown_digest):
            raise _invalid("shown_digest", "must be the digest of the ticket that the voter was shown")
        if not is_ticket_id(request.id):
            raise CallRefused(StatusCode.NOT_FOUND, "unknown-ticket", "There is no such ticket.")
        ballot = Ballot(choice, request.comment, request.shown_digest)
        loaded = await self._voting.vote(request.id, CALLER.get(), ballot)
        return await self._message(loaded)

    async def Watch(self, request: wire.WatchRequest, context: Context) -> AsyncGenerator[wire.Event]:  # noqa: N802 - gRPC's
        """Yield events as they happen."""
        person = await self._known()
        wanted = frozenset(request.ticket_ids)
        if len(wanted) > WATCHED_TICKETS_MAX:
            raise _invalid("ticket_ids", f"has {len(wanted)} tickets; {WATCHED_TICKETS_MAX} is the limit")
        if not all(is_ticket_id(ticket_id) for ticket_id in wanted):
            raise _invalid("ticket_ids", "has something in it that is no ticket id")
        if request.after and not is_position(request.after):
            raise _invalid("after", "must be the id of an event, or empty")
        with self._feed.seat(person.id):
            after = request.after or await self._store.last_position()
            await context.send_initial_metadata(((POSITION_KEY, after),))
            async for event in self._feed.follow(after, wanted):
                yield await self._event(event)

    async def _known(self) -> Person:
        actor = await self._voting.actor(CALLER.get())
        if actor.person is None:
            raise CallRefused(
                StatusCode.PERMISSION_DENIED,
                "unknown-person",
                "The directory doesn't know you, so you see nothing.",
            )
        return actor.person

    async def _find(self, ticket_id: str) -> wire.Ticket | None:
        loaded = await self._store.load(ticket_id) if is_ticket_id(ticket_id) else None
        return await self._message(loaded) if loaded else None

    async def _message(self, loaded: Loaded) -> wire.Ticket:
        body = await kept_body(self._store, loaded.ticket)
        return ticket_message(loaded.ticket, loaded.now, body)

    async def _event(self, event: Event) -> wire.Event:
        loaded = await self._store.load(event.ticket_id)
        return wire.Event(
            id=event.position,
            type=event.type.value,
            at=Timestamp(seconds=event.at // 1000, nanos=event.at % 1000 * 1_000_000),
            ticket=summary_message(loaded.ticket, loaded.now) if loaded else None,
            ticket_id=event.ticket_id,
        )


def _state(number: int) -> State:
    if number not in _STATE_OF:
        raise _invalid("states", f"{number} is not a state that tickets have")
    return _STATE_OF[wire.State.ValueType(number)]


def _invalid(field: str, problem: str) -> CallRefused:
    return CallRefused(StatusCode.INVALID_ARGUMENT, "invalid-argument", f"{field} {problem}.")
