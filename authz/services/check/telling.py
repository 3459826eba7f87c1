"""What the holder of a ticket is told of it."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.client_view import ticket_members
from authz.domain.decision import Decision
from authz.domain.problems import Problem
from authz.domain.ticket import State, Ticket
from authz.domain.token import TokenMint
from authz.services.check.awaited import awaited
from authz.services.check.call import Outcome
from authz.services.check.responses import about, problem
from authz.services.ports import Loaded, TicketStore

REFUSED = Outcome(Kind.REFUSE, problem(Problem.REFUSED), detail="ticket refused")
"""The one answer for unknown, forged and foreign tickets: it tells nothing of any."""

_SUCCESSIONS_MAX = 8


class Telling:
    """Makes the answers about one ticket, for its requester alone: who asks has to be known before."""

    def __init__(self, store: TicketStore, mint: TokenMint, public_url: str) -> None:
        """Take the collaborators; `public_url` is where people review."""
        self._store = store
        self._mint = mint
        self._public_url = public_url

    def told(
        self, loaded: Loaded, detail: str, decision: Decision | None = None, decision_id: str = ""
    ) -> Outcome:
        """Answer with the state of a ticket: the hold while it lives, else how it ended."""
        ticket, now = loaded.ticket, loaded.now
        kind = Kind.HOLD if ticket.state_at(now).live else Kind.REFUSE
        answer = about(ticket, now, self._mint.mint(ticket.id), self._public_url)
        outcome = self.outcome(kind, answer, ticket, decision, decision_id, detail)
        return replace(outcome, awaited=awaited(ticket, now))

    async def successor(self, ticket: Ticket) -> Outcome:
        """Answer with the ticket that took this one's place, over as many as there were. Raises StoreUnavailable."""
        for _ in range(_SUCCESSIONS_MAX):
            loaded = await self._store.load(ticket.replaced_by)
            if loaded is None:
                break
            if loaded.ticket.state is not State.SUPERSEDED:
                return self.told(loaded, "ticket superseded")
            ticket = loaded.ticket
        answer = problem(Problem.SUPERSEDED, {"id": ticket.id})
        return self.outcome(Kind.REFUSE, answer, ticket, detail="ticket superseded")

    def changed(self, ticket: Ticket, parts: tuple[str, ...]) -> Outcome:
        """Name the parts in which this isn't the request of the ticket."""
        answer = problem(Problem.CHANGED, {"id": ticket.id, "changed": list(parts)})
        return self.outcome(Kind.REFUSE, answer, ticket, detail="request changed")

    def insufficient(self, loaded: Loaded, decision: Decision, decision_id: str, detail: str) -> Outcome:
        """Refuse a Check that took its use already, now that the policy asks for more."""
        members = ticket_members(loaded.ticket, loaded.now, self._public_url)
        answer = problem(Problem.INSUFFICIENT, members)
        return self.outcome(Kind.REFUSE, answer, loaded.ticket, decision, decision_id, detail)

    @staticmethod
    def outcome(  # noqa: PLR0913, PLR0917 - one constructor for every answer about a ticket
        kind: Kind,
        answer: Forward | Respond,
        ticket: Ticket,
        decision: Decision | None = None,
        decision_id: str = "",
        detail: str = "",
    ) -> Outcome:
        """Return an answer with what log and metrics say of this ticket."""
        return Outcome(
            kind=kind,
            answer=answer,
            decision_id=decision_id,
            ticket_id=ticket.id,
            rule=ticket.draft.requirement.rule,
            principal=str(ticket.draft.requester.identity),
            detail=detail,
            metadata=decision.dynamic_metadata if decision else {},
        )
