"""The calls of holdgate.v1.Approvals. Who is calling was proven by the boundary before any of them runs."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from grpc import StatusCode

from authz.domain.events import Event, EventType
from authz.domain.identity import Actor
from authz.domain.ticket import State
from authz.domain.token import is_ticket_id
from authz.domain.voting import Ballot
from authz.entrypoints.management.authenticator import CALLER
from authz.entrypoints.management.feed import Feed, is_position
from authz.entrypoints.management.metadata_keys import POSITION_KEY
from authz.entrypoints.management.page_token import cursor_of, page_token
from authz.entrypoints.management.refusal import CallRefused
from authz.entrypoints.management.review_message import review_message, review_summary
from authz.entrypoints.management.ticket_message import (
    DECISIONS,
    STATES,
    summary_message,
    ticket_message,
    timestamp,
)
from authz.services.bodies import kept_body
from authz.services.ports import Loaded, TicketStore
from authz.services.review_port import Reviewed
from authz.services.reviewing import ReviewingService
from authz.services.viewing import only_viewable
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
_OF_REVIEWS = frozenset({EventType.BREAKGLASS_USED, EventType.BREAKGLASS_REVIEWED})
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ApprovalsService(ApprovalsServicer):
    """Shows tickets and reviews, and takes what people do. Whom the directory doesn't know is shown nothing."""

    def __init__(
        self, store: TicketStore, voting: VotingService, reviewing: ReviewingService, feed: Feed
    ) -> None:
        """Take the tickets, the one way to act on them, the reviews of break-glass, and the events to watch."""
        self._store = store
        self._voting = voting
        self._reviewing = reviewing
        self._feed = feed

    async def List(self, request: wire.ListRequest, context: Context) -> wire.ListResponse:  # noqa: ARG002, N802 - gRPC's
        """Return one page, newest first."""
        actor = await self._known()
        states = {_state(number) for number in request.states}
        try:
            cursor = cursor_of(request.page_token, states)
        except ValueError as error:
            raise _invalid("page_token", str(error)) from error
        limit = min(request.page_size or PAGE_SIZE, PAGE_SIZE_MAX)
        stored = next(iter(states)) if len(states) == 1 else None
        page = await self._store.page(stored, limit, cursor)
        # Filtered again: a deadline passes before the store is told, and it takes one state at most.
        found = [
            Loaded(ticket, page.now)
            for ticket in page.tickets
            if not states or ticket.state_at(page.now) in states
        ]
        shown = await only_viewable(partial(self._voting.may_view, actor), found)
        return wire.ListResponse(
            tickets=[summary_message(one.ticket, one.now) for one in shown],
            next_page_token=page_token(states, page.cursor),
        )

    async def Get(self, request: wire.GetRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Return one ticket, with all that a person should see before deciding."""
        actor = await self._known()
        loaded = await self._store.load(_ticket_id(request.id))
        if loaded is None:
            raise _unknown_ticket()
        if not await self._voting.may_view(actor, loaded):
            raise _hidden()
        return await self._message(loaded)

    async def Vote(self, request: wire.VoteRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Count one vote and return the ticket as it is afterwards."""
        choice = _CHOICE_OF.get(request.decision)
        if choice is None:
            raise _invalid("decision", "must be DECISION_APPROVE or DECISION_REJECT")
        if not _DIGEST.fullmatch(request.shown_digest):
            raise _invalid("shown_digest", "must be the digest of the ticket that the voter was shown")
        ballot = Ballot(choice, request.comment, request.shown_digest)
        return await self._message(await self._voting.vote(_ticket_id(request.id), CALLER.get(), ballot))

    async def Withdraw(self, request: wire.WithdrawRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Take the caller's vote back and return the ticket as it is afterwards."""
        return await self._message(await self._voting.withdraw(_ticket_id(request.id), CALLER.get()))

    async def Cancel(self, request: wire.CancelRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Take the caller's request back and return the ticket as it is afterwards."""
        return await self._message(
            await self._voting.cancel(_ticket_id(request.id), CALLER.get(), request.comment)
        )

    async def Revoke(self, request: wire.RevokeRequest, context: Context) -> wire.Ticket:  # noqa: ARG002, N802 - gRPC's
        """Take a grant back and return the ticket as it is afterwards."""
        return await self._message(
            await self._voting.revoke(_ticket_id(request.id), CALLER.get(), request.comment)
        )

    async def ListReviews(  # noqa: N802 - gRPC's
        self,
        request: wire.ListReviewsRequest,
        context: Context,  # noqa: ARG002 - gRPC's
    ) -> wire.ListReviewsResponse:
        """Return the open reviews that the caller may see."""
        actor = await self._known()
        found = await self._reviewing.waiting(min(request.limit or PAGE_SIZE, PAGE_SIZE_MAX))
        shown = await only_viewable(partial(self._reviewing.may_view, actor), found)
        return wire.ListReviewsResponse(reviews=[review_summary(one) for one in shown])

    async def GetReview(self, request: wire.GetReviewRequest, context: Context) -> wire.Review:  # noqa: ARG002, N802 - gRPC's
        """Return one review, with all that a person should see before finishing it."""
        actor = await self._known()
        found = await self._reviewing.find(_review_id(request.id))
        if not await self._reviewing.may_view(actor, found):
            raise _hidden()
        return await self._review(found)

    async def FinishReview(self, request: wire.FinishReviewRequest, context: Context) -> wire.Review:  # noqa: ARG002, N802 - gRPC's
        """Note what the caller found and return the review as it is afterwards."""
        actor = await self._known()
        return await self._review(
            await self._reviewing.finish(_review_id(request.id), actor, request.comment)
        )

    async def Watch(self, request: wire.WatchRequest, context: Context) -> AsyncGenerator[wire.Event]:  # noqa: N802 - gRPC's
        """Yield events as they happen."""
        actor = await self._known()
        wanted = frozenset(request.ticket_ids)
        if len(wanted) > WATCHED_TICKETS_MAX:
            raise _invalid("ticket_ids", f"has {len(wanted)} tickets; {WATCHED_TICKETS_MAX} is the limit")
        if not all(is_ticket_id(ticket_id) for ticket_id in wanted):
            raise _invalid("ticket_ids", "has something in it that is no ticket id")
        if request.after and not is_position(request.after):
            raise _invalid("after", "must be the id of an event, or empty")
        with self._feed.seat(actor.person.id if actor.person else ""):
            after = request.after or await self._store.last_position()
            await context.send_initial_metadata(((POSITION_KEY, after),))
            async for event in self._feed.follow(after, wanted):
                message = await self._event(actor, event)
                if message is not None:
                    yield message

    async def _known(self) -> Actor:
        actor = await self._voting.actor(CALLER.get())
        if actor.person is None:
            raise CallRefused(
                StatusCode.PERMISSION_DENIED,
                "unknown-person",
                "The directory doesn't know you, so you see nothing.",
            )
        return actor

    async def _message(self, loaded: Loaded) -> wire.Ticket:
        body = await kept_body(self._store, loaded.ticket)
        return ticket_message(loaded.ticket, loaded.now, body)

    async def _event(self, actor: Actor, event: Event) -> wire.Event | None:
        """Return an event with what it is about; None when that is not for this caller's eyes."""
        message = wire.Event(
            id=event.position, type=event.type.value, at=timestamp(event.at), ticket_id=event.ticket_id
        )
        if event.type in _OF_REVIEWS:
            found = await self._reviewing.known(event.ticket_id)
            if found is None:
                return message
            message.review.CopyFrom(review_summary(found))
            return message if await self._reviewing.may_view(actor, found) else None
        loaded = await self._store.load(event.ticket_id)
        if loaded is None:
            return message
        message.ticket.CopyFrom(summary_message(loaded.ticket, loaded.now))
        return message if await self._voting.may_view(actor, loaded) else None

    async def _review(self, found: Reviewed) -> wire.Review:
        return review_message(found, await kept_body(self._store, found.review))


def _ticket_id(text: str) -> str:
    """Return what can be a ticket's id. Raises CallRefused before anything is looked up."""
    if not is_ticket_id(text):
        raise _unknown_ticket()
    return text


def _review_id(text: str) -> str:
    if not is_ticket_id(text):
        raise CallRefused(StatusCode.NOT_FOUND, "unknown-review", "There is no such review.")
    return text


def _unknown_ticket() -> CallRefused:
    return CallRefused(StatusCode.NOT_FOUND, "unknown-ticket", "There is no such ticket.")


def _hidden() -> CallRefused:
    text = "The operator's rule doesn't let you look at this."
    return CallRefused(StatusCode.PERMISSION_DENIED, "not-permitted", text)


def _state(number: int) -> State:
    if number not in _STATE_OF:
        raise _invalid("states", f"{number} is not a state that tickets have")
    return _STATE_OF[wire.State.ValueType(number)]


def _invalid(field: str, problem: str) -> CallRefused:
    return CallRefused(StatusCode.INVALID_ARGUMENT, "invalid-argument", f"{field} {problem}.")
