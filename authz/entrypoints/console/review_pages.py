"""The pages on which people look at held requests and decide them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.ticket import Choice, State
from authz.domain.token import is_ticket_id
from authz.domain.voting import COMMENT_MAX, Ballot
from authz.entrypoints.console.csrf import form_token, is_form_token
from authz.entrypoints.console.form import FormLimits, read_form
from authz.entrypoints.console.pages import Viewer, page
from authz.entrypoints.console.sessions import Session
from authz.entrypoints.console.sign_in import SignIn
from authz.entrypoints.console.site import Site
from authz.entrypoints.console.ticket_view import TicketView, may_view
from authz.services.bodies import kept_body
from authz.services.ports import Loaded, TicketStore
from authz.services.voting import VotingService

PAGE_SIZE = 50

_CURSOR = re.compile(r"[\w.:|~-]{0,128}", re.ASCII)
_REFUSED_STATUS = {
    "unknown-ticket": 404,
    "already-decided": 409,
    "already-voted": 409,
    "stale-view": 409,
    "comment-too-long": 422,
    "comment-missing": 422,
}


class ReviewPages:
    """List, look, decide. Only the POSTs change anything."""

    def __init__(
        self, site: Site, store: TicketStore, voting: VotingService, sign_in: SignIn, form_limits: FormLimits
    ) -> None:
        self._site = site
        self._store = store
        self._voting = voting
        self._sign_in = sign_in
        self._form_limits = form_limits

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of the pages."""
        return [
            Route("/", self.waiting, methods=["GET"], name="waiting"),
            Route("/tickets/{ticket_id}", self.show, methods=["GET"], name="ticket"),
            Route("/tickets/{ticket_id}/vote", self.vote, methods=["POST"], name="vote"),
            Route("/sign-out", self.sign_out, methods=["POST"], name="sign-out"),
        ]

    async def waiting(self, request: Request) -> Response:
        """Show the tickets that wait for a decision, newest first, a bounded page of them."""
        session = self._session(request)
        cursor = request.query_params.get("before", "")
        if not _CURSOR.fullmatch(cursor):
            raise HTTPException(400, "This address is incomplete. Start again at the first page.")
        actor = await self._voting.actor(session.signed_in)
        found = await self._store.page(State.PENDING, PAGE_SIZE, cursor)
        views = [
            TicketView(ticket, actor, found.now, self._voting.sign_in)
            for ticket in found.tickets
            if may_view(ticket, actor)
        ]
        open_views = [view for view in views if view.pending]
        context: dict[str, object] = {
            "mine": [view for view in open_views if view.verdict.may_vote],
            "others": [view for view in open_views if not view.verdict.may_vote],
            "first": not cursor,
            "next_cursor": found.cursor,
        }
        return page("waiting.html", self._viewer(session), context)

    async def show(self, request: Request) -> Response:
        """Show one ticket, and the buttons to those who may use them."""
        session = self._session(request)
        loaded, actor = await self._look(request, session)
        return await self._ticket_page(session, loaded, actor)

    async def vote(self, request: Request) -> Response:
        """Take a vote from the form of a page that showed exactly this request."""
        session = self._session(request)
        fields = await read_form(request, self._site, self._form_limits)
        ticket_id = _ticket_id(request)
        digest = fields.get("digest", "")
        if not is_form_token(fields.get("csrf", ""), session.key, "vote", ticket_id, digest):
            raise HTTPException(
                403, "This form is not from your session. Open the ticket again and look once more."
            )
        if fields.get("choice") not in set(Choice):
            raise HTTPException(400, "The form names neither approve nor reject.")
        # Browsers send CR LF and count one character.
        comment = fields.get("comment", "").replace("\r\n", "\n").strip()
        ballot = Ballot(Choice(fields["choice"]), comment, digest)
        try:
            await self._voting.vote(ticket_id, session.signed_in, ballot)
        except VoteRefused as refused:
            loaded, actor = await self._look(request, session)
            return await self._ticket_page(session, loaded, actor, (ballot, refused))
        return RedirectResponse(f"/tickets/{ticket_id}", 303)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = self._session(request)
        fields = await read_form(request, self._site, self._form_limits)
        if not is_form_token(fields.get("sign_out_token", ""), session.key, "sign-out"):
            raise HTTPException(403, "This form is not from your session. Nothing was changed.")
        response = page("signed_out.html", None, {"invitation": self._sign_in.invitation})
        self._sign_in.end(request, response)
        return response

    def _session(self, request: Request) -> Session:
        session = self._sign_in.current(request)
        if session is None:
            raise HTTPException(401, self._sign_in.invitation)
        return session

    def _viewer(self, session: Session) -> Viewer:
        return Viewer(session.signed_in.name, form_token(session.key, "sign-out"), self._sign_in.switch)

    async def _look(self, request: Request, session: Session) -> tuple[Loaded, Actor]:
        ticket_id = _ticket_id(request)
        actor = await self._voting.actor(session.signed_in)
        loaded = await self._store.load(ticket_id)
        if loaded is None:
            raise _unknown()
        if not may_view(loaded.ticket, actor):
            raise HTTPException(
                403, "The directory doesn't know you, so you can't look at requests of others."
            )
        return loaded, actor

    async def _ticket_page(
        self,
        session: Session,
        loaded: Loaded,
        actor: Actor,
        not_taken: tuple[Ballot, VoteRefused] | None = None,
    ) -> Response:
        """Show a ticket; after a vote that wasn't taken with the reason, and the comment as it was typed."""
        body = await kept_body(self._store, loaded.ticket)
        view = TicketView(loaded.ticket, actor, loaded.now, self._voting.sign_in, body=body)
        context: dict[str, object] = {
            "view": view,
            "csrf": form_token(session.key, "vote", view.ticket.id, view.digest),
            "comment_max": COMMENT_MAX,
            "alert": "",
            "comments": {},
        }
        status = 200
        if not_taken:
            ballot, refused = not_taken
            status = _REFUSED_STATUS.get(refused.code, 403)
            context |= {"alert": str(refused), "comments": {ballot.choice.value: ballot.comment}}
        return page("ticket.html", self._viewer(session), context, status=status)


def _ticket_id(request: Request) -> str:
    """The id in the path. Raises HTTPException 404, before any look-up, when it has not the form of one."""
    text = str(request.path_params["ticket_id"])
    if not is_ticket_id(text):
        raise _unknown()
    return text


def _unknown() -> HTTPException:
    return HTTPException(404, "There is no such ticket. It may have been deleted after its time.")
