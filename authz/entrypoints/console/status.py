"""The status of a ticket, for the client that waits for it.

It comes through Envoy on the gated host, exempt from the check, so the token is all that counts here. The answer says
no more than the 202 or the 403 for the request itself said. It is JSON whatever the client accepts (RFC 9110 section
12.4.1), because there is nothing else to choose from.
"""

from __future__ import annotations

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authz.domain.answer import Respond
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.problems import Problem
from authz.domain.reserved_headers import TICKET
from authz.domain.reserved_paths import TICKETS_PREFIX
from authz.services.check.responses import method_not_allowed, problem
from authz.services.ticket_status import TicketStatus

_METHODS: Final = ("GET", "HEAD")

log = structlog.get_logger("holdgate.console")


class StatusPages:
    """Answers `GET /.holdgate/tickets/ID`, as an ASGI application of its own, so that no method is anybody else's."""

    def __init__(self, status: TicketStatus) -> None:
        """Take what knows the tickets."""
        self._status = status

    def route(self) -> Route:
        """The route: everything below the prefix, so that a wrong path is answered as a wrong token."""
        return Route(TICKETS_PREFIX + "{ticket_id:path}", self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._answer(Request(scope, receive))
        await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    async def _answer(self, request: Request) -> Respond:
        """Answer 200 with the ticket, 403 alike for whatever isn't this ticket's token, 503 without Redis.

        A token that we didn't issue costs no look-up.
        """
        if request.method not in _METHODS:
            return method_not_allowed(*_METHODS)
        ticket_id = self._status.proven(request.path_params["ticket_id"], request.headers.getlist(TICKET))
        if ticket_id is None:
            return problem(Problem.REFUSED)
        try:
            return await self._status.of(ticket_id)
        except (StoreUnavailable, RecordUnreadable) as error:
            log.warning("status.unavailable", ticket_id=ticket_id, error=type(error).__name__)
            return problem(Problem.UNAVAILABLE)
