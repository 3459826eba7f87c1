"""The status of a ticket, for the client that waits for it.

It comes through Envoy on the gated host, exempt from the check, so the token is all that counts here. The
answer says no more than the 202 or the 403 for the request itself said.
"""

from __future__ import annotations

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.domain.client_view import ending_members, retry_after, ticket_members
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.problems import Problem
from authz.domain.token import TokenMint
from authz.services.ports import TicketStore

TICKETS_PREFIX = "/.holdgate/tickets/"
TICKET_HEADER = "x-approval-ticket"
RETRY_SECONDS = 5

log = structlog.get_logger("holdgate.console")


class TicketStatus:
    """Answers `GET /.holdgate/tickets/ID`."""

    def __init__(self, store: TicketStore, mint: TokenMint, public_url: str) -> None:
        self._store = store
        self._mint = mint
        self._public_url = public_url

    def route(self) -> Route:
        """The route: everything below the prefix, so that a wrong path is answered as a wrong token."""
        return Route(TICKETS_PREFIX + "{ticket_id:path}", self.answer, methods=["GET"])

    async def answer(self, request: Request) -> Response:
        """Answer 200 with the ticket, 403 alike for whatever isn't this ticket's token, 503 without Redis.

        A token that we didn't issue costs no look-up.
        """
        presented = request.headers.getlist(TICKET_HEADER)
        ticket_id = self._mint.verify(presented[0]) if len(presented) == 1 else None
        if ticket_id is None or ticket_id != request.path_params["ticket_id"]:
            return _problem(Problem.REFUSED)
        try:
            loaded = await self._store.load(ticket_id)
        except (StoreUnavailable, RecordUnreadable) as error:
            log.warning("status.unavailable", ticket_id=ticket_id, error=type(error).__name__)
            return _problem(Problem.UNAVAILABLE, {"retry-after": str(RETRY_SECONDS)})
        if loaded is None:
            return _problem(Problem.REFUSED)
        ticket, now = loaded.ticket, loaded.now
        members = ticket_members(ticket, now, self._public_url)
        if not ticket.state_at(now).live:
            members |= ending_members(ticket, now)
        headers = {"retry-after": str(retry_after(ticket, now))} if ticket.state_at(now).live else {}
        return Response(orjson.dumps(members), 200, headers, "application/json")


def _problem(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Render RFC 9457 problem details, the same bytes for the same problem."""
    kind = problem.value
    members = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": kind.detail}
    return Response(orjson.dumps(members), kind.status, headers, "application/problem+json")
