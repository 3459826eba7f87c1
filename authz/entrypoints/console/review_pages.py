"""The pages on which people look at held requests, decide them, and take back what they did."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.ticket import Choice, State
from authz.domain.token import is_ticket_id
from authz.domain.voting import COMMENT_MAX, Ballot
from authz.entrypoints.console.csrf import is_form_token
from authz.entrypoints.console.desk import Desk, tokens
from authz.entrypoints.console.form import read_form
from authz.entrypoints.console.pages import page
from authz.entrypoints.console.recorded import CANCEL, REVOKE, VOTE, WITHDRAW, after
from authz.entrypoints.console.refused_status import status_of
from authz.entrypoints.console.ticket_view import TicketView
from authz.services.bodies import kept_body
from authz.services.ports import Loaded, TicketStore
from authz.services.reviewing import ReviewingService
from authz.services.sessions import Session
from authz.services.viewing import only_viewable
from authz.services.voting import VotingService

PAGE_SIZE = 50
REVIEWS_COUNTED = 20
"""Each is two questions to the operator's rule, at every look at the front page."""

_CURSOR = re.compile(r"[\w.:|~-]{0,128}", re.ASCII)
_PURPOSES = (VOTE, WITHDRAW, CANCEL, REVOKE)


@dataclass(frozen=True, slots=True)
class _NotTaken:
    """What wasn't recorded: which form (of a vote, the choice), the comment as it was typed, and why."""

    form: str
    comment: str
    refused: VoteRefused


@dataclass(frozen=True, slots=True)
class _Reviews:
    """How many open reviews somebody may do, and whether there may be more of them that nobody counted."""

    theirs: int
    uncounted: bool


_NO_REVIEWS = _Reviews(0, uncounted=False)


class ReviewPages:
    """List, look, decide, take back. Only the POSTs change anything."""

    def __init__(
        self, desk: Desk, store: TicketStore, voting: VotingService, reviewing: ReviewingService
    ) -> None:
        """`reviewing` counts what else waits for somebody."""
        self._desk = desk
        self._store = store
        self._voting = voting
        self._reviewing = reviewing

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of the pages."""
        return [
            Route("/", self.waiting, methods=["GET"], name="waiting"),
            Route("/tickets/{ticket_id}", self.show, methods=["GET"], name="ticket"),
            Route("/tickets/{ticket_id}/vote", self.vote, methods=["POST"], name=VOTE),
            Route("/tickets/{ticket_id}/withdraw", self.withdraw, methods=["POST"], name=WITHDRAW),
            Route("/tickets/{ticket_id}/cancel", self.cancel, methods=["POST"], name=CANCEL),
            Route("/tickets/{ticket_id}/revoke", self.revoke, methods=["POST"], name=REVOKE),
            Route("/sign-out", self.sign_out, methods=["POST"], name="sign-out"),
        ]

    async def waiting(self, request: Request) -> Response:
        """Show the tickets that wait for a decision, newest first, a bounded page of them."""
        session = await self._desk.session(request)
        cursor = request.query_params.get("before", "")
        if not _CURSOR.fullmatch(cursor):
            raise HTTPException(400, "This address is incomplete. Start again at the first page.")
        actor = await self._voting.actor(session.signed_in)
        found = await self._store.page(State.PENDING, PAGE_SIZE, cursor)
        tickets = [Loaded(ticket, found.now) for ticket in found.tickets]
        shown = await only_viewable(partial(self._voting.may_view, actor), tickets)
        views = [TicketView(one.ticket, actor, one.now, self._voting.sign_in) for one in shown]
        open_views = [view for view in views if view.pending]
        context: dict[str, object] = {
            "mine": [view for view in open_views if view.verdict.may_vote],
            "others": [view for view in open_views if not view.verdict.may_vote],
            "reviews": _NO_REVIEWS if cursor else await self._reviews_of(actor),
            "first": not cursor,
            "next_cursor": found.cursor,
        }
        return page("waiting.html", self._desk.viewer(session), context)

    async def _reviews_of(self, actor: Actor) -> _Reviews:
        """Count the open reviews of break-glass that somebody may do, among those that are due first."""
        found = await self._reviewing.waiting(REVIEWS_COUNTED)
        theirs = await only_viewable(partial(self._reviewing.may_finish, actor), found)
        return _Reviews(len(theirs), uncounted=len(found) == REVIEWS_COUNTED)

    async def show(self, request: Request) -> Response:
        """Show one ticket, and the buttons to those who may use them."""
        session = await self._desk.session(request)
        loaded, actor = await self._look(request, session)
        return await self._ticket_page(session, loaded, actor)

    async def vote(self, request: Request) -> Response:
        """Take a vote from the form of a page that showed exactly this request."""
        session = await self._desk.session(request)
        ticket_id = _ticket_id(request)
        fields = await self._desk.form(request, session, VOTE, ticket_id)
        if fields.get("choice") not in set(Choice):
            raise HTTPException(400, "The form names neither approve nor reject.")
        ballot = Ballot(Choice(fields["choice"]), fields["comment"], fields["digest"])
        done = partial(self._voting.vote, ticket_id, session.signed_in, ballot)
        return await self._answer(request, session, ballot.choice.value, ballot.comment, done)

    async def withdraw(self, request: Request) -> Response:
        """Take one's own vote back."""
        session = await self._desk.session(request)
        ticket_id = _ticket_id(request)
        await self._desk.form(request, session, WITHDRAW, ticket_id)
        done = partial(self._voting.withdraw, ticket_id, session.signed_in)
        return await self._answer(request, session, WITHDRAW, "", done)

    async def cancel(self, request: Request) -> Response:
        """Take one's own request back."""
        return await self._end(request, CANCEL, self._voting.cancel)

    async def revoke(self, request: Request) -> Response:
        """Take a grant back."""
        return await self._end(request, REVOKE, self._voting.revoke)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = await self._desk.session(request)
        fields = await read_form(request, self._desk.site, self._desk.limits)
        if not is_form_token(fields.get("sign_out_token", ""), session.key, "sign-out"):
            raise HTTPException(403, "This form is not from your session. Nothing was changed.")
        sign_in = self._desk.sign_in
        context: dict[str, object] = {"invitation": sign_in.invitation, "entrance": sign_in.entrance("/")}
        response = page("signed_out.html", None, context)
        await sign_in.end(request, response)
        return response

    async def _end(self, request: Request, form: str, end: Callable[..., Awaitable[Loaded]]) -> Response:
        session = await self._desk.session(request)
        ticket_id = _ticket_id(request)
        fields = await self._desk.form(request, session, form, ticket_id)
        done = partial(end, ticket_id, session.signed_in, fields["comment"])
        return await self._answer(request, session, form, fields["comment"], done)

    async def _answer(
        self,
        request: Request,
        session: Session,
        form: str,
        comment: str,
        act: Callable[[], Awaitable[Loaded]],
    ) -> Response:
        """Do it and go to the ticket, or show the ticket with the reason why it wasn't done.

        Who may not look at the ticket gets the reason alone.
        """
        try:
            loaded = await act()
        except VoteRefused as refused:
            loaded, actor = await self._load(request, session)
            if not await self._voting.may_view(actor, loaded):
                raise HTTPException(status_of(refused), str(refused)) from None
            return await self._ticket_page(session, loaded, actor, _NotTaken(form, comment, refused))
        address = f"/tickets/{_ticket_id(request)}"
        return await after(form, self._desk.viewer(session), address, self._may_look(session, loaded))

    async def _may_look(self, session: Session, loaded: Loaded) -> bool:
        return await self._voting.may_view(await self._voting.actor(session.signed_in), loaded)

    async def _load(self, request: Request, session: Session) -> tuple[Loaded, Actor]:
        ticket_id = _ticket_id(request)
        actor = await self._voting.actor(session.signed_in)
        loaded = await self._store.load(ticket_id)
        if loaded is None:
            raise _unknown()
        return loaded, actor

    async def _look(self, request: Request, session: Session) -> tuple[Loaded, Actor]:
        loaded, actor = await self._load(request, session)
        if not await self._voting.may_view(actor, loaded):
            why = "The directory doesn't know you, so you can't look at requests of others."
            if actor.person is not None:
                why = "The operator's rule doesn't let you look at this request."
            raise HTTPException(403, why)
        return loaded, actor

    async def _ticket_page(
        self, session: Session, loaded: Loaded, actor: Actor, not_taken: _NotTaken | None = None
    ) -> Response:
        """Show a ticket; after what wasn't taken with the reason, and the comment as it was typed."""
        body = await kept_body(self._store, loaded.ticket)
        view = TicketView(loaded.ticket, actor, loaded.now, self._voting.sign_in, body=body)
        context: dict[str, object] = {
            "view": view,
            "again": self._desk.sign_in.again(view.ticket.id, view.digest),
            "csrf": tokens(session, _PURPOSES, view.ticket.id, view.digest),
            "comment_max": COMMENT_MAX,
            "alert": str(not_taken.refused) if not_taken else "",
            "comments": {not_taken.form: not_taken.comment} if not_taken else {},
        }
        status = status_of(not_taken.refused) if not_taken else 200
        return page("ticket.html", self._desk.viewer(session), context, status=status)


def _ticket_id(request: Request) -> str:
    """The id in the path. Raises HTTPException 404, before any look-up, when it has not the form of one."""
    text = str(request.path_params["ticket_id"])
    if not is_ticket_id(text):
        raise _unknown()
    return text


def _unknown() -> HTTPException:
    return HTTPException(404, "There is no such ticket. It may have been deleted after its time.")
