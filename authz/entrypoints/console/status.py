"""The status of a ticket, for the client that waits for it.

It comes through Envoy on the gated host, exempt from the check, so the token is all that counts here. The answer says
no more than the 202 or the 403 for the request itself said. It is JSON whatever the client accepts (RFC 9110 section
12.4.1), because there is nothing else to choose from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authz.domain.answer import Respond
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.prefer import PREFER, preferences
from authz.domain.problems import Problem
from authz.domain.reserved_headers import TICKET
from authz.domain.reserved_paths import TICKETS_PREFIX
from authz.entrypoints.console.error_boundary import log_failure
from authz.services.check.responses import method_not_allowed, problem
from authz.services.status_waiting import StatusWaiting
from authz.services.ticket_status import TicketStatus

_METHODS: Final = ("GET", "HEAD")

log = structlog.get_logger("holdgate.console")


class StatusPages:
    """Answers `GET /.holdgate/tickets/ID`, as an ASGI application of its own, so that no method is anybody else's."""

    def __init__(self, status: TicketStatus, waiting: StatusWaiting) -> None:
        """Take what knows the tickets, and what waits for their votes."""
        self._status = status
        self._waiting = waiting

    def route(self) -> Route:
        """The route: everything below the prefix, so that a wrong path is answered as a wrong token."""
        return Route(TICKETS_PREFIX + "{ticket_id:path}", self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, unless its client goes away before."""
        answer = await _unless_gone(receive, self._answer(Request(scope, receive)))
        if answer is not None:
            await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    async def _answer(self, request: Request) -> Respond:
        """Answer 200 with the ticket, 403 alike for whatever isn't this ticket's token, 503 without Redis.

        A token that we didn't issue costs no look-up, and waits for nothing.
        """
        if request.method not in _METHODS:
            return method_not_allowed(*_METHODS)
        ticket_id = self._status.proven(request.path_params["ticket_id"], request.headers.getlist(TICKET))
        if ticket_id is None:
            return problem(Problem.REFUSED)
        wanted = preferences([value.encode("latin-1") for value in request.headers.getlist(PREFER)])
        try:
            return await self._waiting.of(ticket_id, wanted)
        except (StoreUnavailable, RecordUnreadable) as error:
            log.warning("status.unavailable", ticket_id=ticket_id, error=type(error).__name__)
            return problem(Problem.UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - a client that reads JSON has no use for a page
            log_failure(error)
            return problem(Problem.UNAVAILABLE)


async def _unless_gone(receive: Receive, answering: Coroutine[object, object, Respond]) -> Respond | None:
    """Return the answer, or None once the client has closed its connection: nobody waits for it then."""
    answer, gone = asyncio.create_task(answering), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await answer if answer.done() else None
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
