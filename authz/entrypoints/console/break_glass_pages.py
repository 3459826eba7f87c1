"""The pages on which people look afterwards at what broke the glass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.token import is_ticket_id
from authz.domain.voting import COMMENT_MAX
from authz.entrypoints.console.break_glass_view import BreakGlassView
from authz.entrypoints.console.desk import Desk, tokens
from authz.entrypoints.console.pages import page
from authz.entrypoints.console.recorded import REVIEW, after
from authz.entrypoints.console.refused_status import status_of
from authz.services.bodies import BodyReader, kept_body
from authz.services.review_port import Reviewed
from authz.services.reviewing import ReviewingService
from authz.services.sessions import Session
from authz.services.viewing import only_viewable
from authz.services.voting import VotingService

PAGE_SIZE = 50


class BreakGlassPages:
    """List, look, and say what was found. Only the POST changes anything."""

    def __init__(
        self, desk: Desk, bodies: BodyReader, voting: VotingService, reviewing: ReviewingService
    ) -> None:
        """`voting` says who somebody is."""
        self._desk = desk
        self._bodies = bodies
        self._voting = voting
        self._reviewing = reviewing

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of the pages."""
        return [
            Route("/break-glass", self.waiting, methods=["GET"], name="break-glass"),
            Route("/break-glass/{review_id}", self.show, methods=["GET"], name="use-of-break-glass"),
            Route("/break-glass/{review_id}/review", self.finish, methods=["POST"], name=REVIEW),
        ]

    async def waiting(self, request: Request) -> Response:
        """Show the open reviews, the one that is due first before the others, a bounded number of them."""
        session = await self._desk.session(request)
        actor = await self._voting.actor(session.signed_in)
        found = await self._reviewing.waiting(PAGE_SIZE)
        shown = await only_viewable(partial(self._reviewing.may_view, actor), found)
        context: dict[str, object] = {
            "views": [BreakGlassView(one, actor) for one in shown],
            "more": len(found) == PAGE_SIZE,
            "page_size": PAGE_SIZE,
        }
        return page("break_glass_list.html", self._desk.viewer(session), context)

    async def show(self, request: Request) -> Response:
        """Show one use, and the form to those who may review it."""
        session = await self._desk.session(request)
        found, actor = await self._look(request, session)
        return await self._page(session, found, actor)

    async def finish(self, request: Request) -> Response:
        """Take a finding from the form of a page that showed exactly this use."""
        session = await self._desk.session(request)
        review_id = _review_id(request)
        fields = await self._desk.form(request, session, REVIEW, review_id)
        actor = await self._voting.actor(session.signed_in)
        try:
            done = await self._reviewing.finish(review_id, actor, fields["comment"])
        except VoteRefused as refused:
            found, actor = await self._find(request, session)
            if not await self._reviewing.may_view(actor, found):
                raise HTTPException(status_of(refused), str(refused)) from None
            return await self._page(session, found, actor, refused, fields["comment"])
        may_look = self._reviewing.may_view(actor, done)
        return await after(REVIEW, self._desk.viewer(session), f"/break-glass/{review_id}", may_look)

    async def _find(self, request: Request, session: Session) -> tuple[Reviewed, Actor]:
        review_id = _review_id(request)
        actor = await self._voting.actor(session.signed_in)
        try:
            return await self._reviewing.find(review_id), actor
        except VoteRefused as refused:
            raise HTTPException(status_of(refused), str(refused)) from None

    async def _look(self, request: Request, session: Session) -> tuple[Reviewed, Actor]:
        found, actor = await self._find(request, session)
        if not await self._reviewing.may_view(actor, found):
            why = "The directory doesn't know you, so you can't look at requests of others."
            if actor.person is not None:
                why = "The operator's rule doesn't let you look at this use of break-glass."
            raise HTTPException(403, why)
        return found, actor

    async def _page(
        self,
        session: Session,
        found: Reviewed,
        actor: Actor,
        refused: VoteRefused | None = None,
        comment: str = "",
    ) -> Response:
        view = BreakGlassView(found, actor, body=await kept_body(self._bodies, found.review))
        context: dict[str, object] = {
            "view": view,
            "csrf": tokens(session, (REVIEW,), found.review.id, view.digest),
            "comment_max": COMMENT_MAX,
            "alert": str(refused) if refused else "",
            "comment": comment,
        }
        status = status_of(refused) if refused else 200
        return page("break_glass.html", self._desk.viewer(session), context, status=status)


def _review_id(request: Request) -> str:
    """The id in the path. Raises HTTPException 404, before any look-up, when it has not the form of one."""
    text = str(request.path_params["review_id"])
    if not is_ticket_id(text):
        raise HTTPException(404, "There is no such review.")
    return text
