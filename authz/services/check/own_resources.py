"""What Holdgate answers in the upstream's place: everything below `/.holdgate/`, on every gated host.

Such a request is never forwarded, whatever the policy would say of it. Where Envoy leads some of these paths past the
check they aren't seen here; where it doesn't, the answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from authz.domain.answer import Kind, Respond
from authz.domain.problem_page import problem_page
from authz.domain.problems import Problem
from authz.domain.request import GatedRequest
from authz.domain.reserved_headers import TICKET
from authz.domain.reserved_paths import TICKETS_PREFIX, problem_path
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.responses import method_not_allowed, problem
from authz.services.check.taking_back import TakingBack
from authz.services.ticket_status import TicketStatus

_READING: Final = ("GET", "HEAD")
_NOSNIFF: Final = (("x-content-type-options", "nosniff"),)
_PAGE_HEADERS: Final = (("content-type", "text/plain; charset=utf-8"), ("cache-control", "max-age=3600"))
_REFUSED_FROM: Final = 400
_PAGES: Final = {problem_path(kind.value.slug): problem_page(kind).encode() for kind in Problem}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to the client, and what log and metrics say of it. There is no way to a Forward from here."""

    answer: Respond
    detail: str
    ticket_id: str = ""


class OwnResources:
    """Answers requests for Holdgate's own paths, without the policy's leave."""

    def __init__(self, status: TicketStatus, taking_back: TakingBack) -> None:
        """Take what answers for tickets."""
        self._status = status
        self._taking_back = taking_back

    async def answer(self, call: CheckCall) -> Outcome:
        """Answer one request. Raises as the store, the policy and the operator's rule do."""
        told = await self._told(call)
        answer = told.answer
        return Outcome(
            kind=Kind.REFUSE if answer.status >= _REFUSED_FROM else Kind.ANSWER,
            answer=replace(answer, headers=answer.headers + _NOSNIFF),
            ticket_id=told.ticket_id,
            detail=told.detail,
        )

    async def _told(self, call: CheckCall) -> Told:
        path, method = call.request.path, call.request.method
        if path.startswith(TICKETS_PREFIX):
            return await self._ticket(call, path.removeprefix(TICKETS_PREFIX))
        page = _PAGES.get(path)
        if page is None:
            return Told(problem(Problem.NOT_FOUND), "no such resource")
        if method not in _READING:
            return Told(method_not_allowed(*_READING), "method not allowed")
        return Told(Respond(200, _PAGE_HEADERS, page), "problem page")

    async def _ticket(self, call: CheckCall, named: str) -> Told:
        method = call.request.method
        if method not in {*_READING, "DELETE"}:
            return Told(method_not_allowed(*_READING, "DELETE"), "method not allowed")
        ticket_id = self._status.proven(named, _tokens(call.request))
        if ticket_id is None:
            return Told(problem(Problem.REFUSED), "ticket refused")
        if method in _READING:
            return Told(await self._status.of(ticket_id), "ticket status", ticket_id)
        return Told(await self._taking_back.take_back(call, ticket_id), "taking back", ticket_id)


def _tokens(request: GatedRequest) -> list[str]:
    return [value.decode("ascii", "replace") for value in request.values(TICKET)]
