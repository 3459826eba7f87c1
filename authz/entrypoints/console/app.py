"""Puts the console together."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from authz.domain.errors import PolicyMalformed, RecordUnreadable, StoreUnavailable, Unavailable
from authz.entrypoints.console.break_glass_pages import BreakGlassPages
from authz.entrypoints.console.desk import Desk
from authz.entrypoints.console.error_boundary import ErrorBoundary
from authz.entrypoints.console.form import FormLimits
from authz.entrypoints.console.host_list import HostList
from authz.entrypoints.console.pages import STATIC, error_page
from authz.entrypoints.console.review_pages import ReviewPages
from authz.entrypoints.console.security_headers import SecurityHeaders
from authz.entrypoints.console.sign_in import NotSignedIn, SignIn, SignInRefused
from authz.entrypoints.console.site import Site
from authz.entrypoints.console.status import StatusPages
from authz.services.ports import TicketStore
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService

RETRY_SECONDS = 5

log = structlog.get_logger("holdgate.console")

_TITLES = {
    400: "This can't be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not this way",
    408: "Too slow",
    413: "Too large",
    415: "Not a form",
}
_SENTENCES = {
    404: "There is no page at this address.",
    405: "This address takes another kind of request. Nothing was changed.",
}


def build_console(  # noqa: PLR0913, PLR0917 - one argument for each thing it needs
    site: Site,
    store: TicketStore,
    status: StatusPages,
    voting: VotingService,
    reviewing: ReviewingService,
    sign_in: SignIn | None,
    *,
    form_limits: FormLimits | None = None,
    more_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Return the console as an ASGI application.

    Without a way to sign in there are no review pages, only the status of a ticket for the client that waits, and
    `more_routes`, which chats call.
    """
    routes: list[BaseRoute] = [status.route(), *more_routes]
    if sign_in is not None:
        desk = Desk(site, sign_in, form_limits or FormLimits())
        routes += ReviewPages(desk, store, voting, reviewing).routes()
        routes += BreakGlassPages(desk, store, voting, reviewing).routes()
        routes += sign_in.routes()
        routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    app = Starlette(
        routes=routes,
        middleware=[Middleware(ErrorBoundary)],
        exception_handlers={
            HTTPException: _refused,
            NotSignedIn: _not_signed_in,
            SignInRefused: _sign_in_refused,
            Unavailable: _outage,
            PolicyMalformed: _rule_malformed,
            RecordUnreadable: _unreadable,
        },
    )
    app.router.redirect_slashes = (
        False  # a redirect would repeat the Host header before anything vouched for it
    )
    return SecurityHeaders(HostList(app, site))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    own_words = error.detail and error.detail not in {"Not Found", "Method Not Allowed"}
    sentence = error.detail if own_words else _SENTENCES.get(error.status_code, "")
    response = error_page(error.status_code, _TITLES.get(error.status_code, "Not possible"), sentence)
    response.headers.update(error.headers or {})
    return response


async def _not_signed_in(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotSignedIn)  # noqa: S101 - what it is registered for
    return error_page(401, _TITLES[401], str(error), entrance=error.entrance)


async def _sign_in_refused(_request: Request, error: Exception) -> Response:
    return error_page(403, "Not from here", str(error))


async def _outage(request: Request, error: Exception) -> Response:
    log.warning("console.unavailable", error=type(error).__name__)
    sentence = "Holdgate can't reach what it needs right now. "
    if request.method != "POST":
        sentence += "Nothing is lost and nothing was decided. Try again in a moment."
    elif isinstance(error, StoreUnavailable):
        sentence += (
            "Whether what you did was recorded is not certain: open the page and look before you try again. "
            "The same vote given twice counts once."
        )
    else:
        sentence += "Nothing was recorded. Try again in a moment."
    response = error_page(503, "Not available right now", sentence)
    response.headers["retry-after"] = str(RETRY_SECONDS)
    return response


async def _rule_malformed(_request: Request, error: Exception) -> Response:
    # The message quotes the policy's answer, which may quote a request.
    log.error("console.rule_malformed", error=type(error).__name__)
    return error_page(
        503,
        "The rule gave no answer",
        "The operator's rule about who may do this answered neither yes nor no. Nothing was recorded. "
        "Tell the operator; trying again helps when they have mended it.",
    )


async def _unreadable(_request: Request, error: Exception) -> Response:
    log.error("console.unreadable", error=type(error).__name__)
    return error_page(
        503,
        "This ticket can't be read",
        "It was stored by another release, or is damaged. Nothing can be decided on it. "
        "The operator finds it by its id.",
    )
