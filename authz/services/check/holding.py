"""Opening a ticket for a request that needs a person."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.answer import Kind
from authz.domain.decision import Decision, Hold
from authz.domain.requirement import Redeem, Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.ticket import State, Ticket, TicketDraft
from authz.domain.token import TokenMint
from authz.services.check.awaited import awaited
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.drafting import Drafting
from authz.services.check.responses import about
from authz.services.ports import Created, TicketStore

_SAME = "same ticket"


class Holding:
    """Turns a demand into a ticket, or finds the one that answers for this request already."""

    def __init__(
        self,
        store: TicketStore,
        drafting: Drafting,
        mint: TokenMint,
        parser: RequirementParser,
        public_url: str,
    ) -> None:
        """Take the collaborators; `public_url` is where people review."""
        self._store = store
        self._drafting = drafting
        self._mint = mint
        self._parser = parser
        self._public_url = public_url

    async def hold(self, call: CheckCall, decision: Decision, hold: Hold, decision_id: str) -> Outcome:
        """Hold the request and answer with its ticket.

        A pending ticket on other terms than are demanded now is superseded: the votes on it would have been for
        nothing.

        Raises PolicyMalformed, PrincipalUnknown, NotPermitted, JustificationMissing, BadRequest, BodyNotVisible,
        BytesHidden, TooManyTickets, PolicyUnavailable and StoreUnavailable; in each case nothing was stored.
        """
        requirement = self._parser.parse(hold.demand)
        draft = await self._drafting.draft(call, decision, hold, requirement)
        body = self._drafting.body(call.request)
        created = await self._store.create(draft, body, call.request.check_id)
        if not created.created and outdated(created.ticket, draft, created.now):
            created = await self._instead(created, draft, body)
        detail = "new ticket" if created.created else _SAME
        outcome = self._outcome(created, decision, decision_id, detail)
        return replace(outcome, repeats=_repeats(created, requirement))

    async def supersede(
        self, call: CheckCall, decision: Decision, hold: Hold, decision_id: str, ticket: Ticket
    ) -> Outcome | None:
        """Open a ticket in the place of one that is no longer enough; None when that one changed meanwhile.

        Raises as `hold` does.
        """
        requirement = self._parser.parse(hold.demand)
        draft = await self._drafting.draft(call, decision, hold, requirement, earlier=ticket.draft)
        created = await self._store.supersede(ticket.id, ticket.rev, draft, self._drafting.body(call.request))
        if created is None:
            return None
        return self._outcome(created, decision, decision_id, detail="ticket superseded")

    async def _instead(self, earlier: Created, draft: TicketDraft, body: bytes) -> Created:
        newer = await self._store.supersede(earlier.ticket.id, earlier.ticket.rev, draft, body)
        # Somebody voted, or superseded it first: the next look at it will find what became of it.
        return newer or earlier

    def _outcome(self, created: Created, decision: Decision, decision_id: str, detail: str) -> Outcome:
        ticket = created.ticket
        live = ticket.state_at(created.now) in {State.PENDING, State.APPROVED}
        return Outcome(
            kind=Kind.HOLD if live else Kind.REFUSE,
            answer=about(ticket, created.now, self._mint.mint(ticket.id), self._public_url),
            decision_id=decision_id,
            ticket_id=ticket.id,
            rule=ticket.draft.requirement.rule,
            principal=str(ticket.draft.requester.identity),
            detail=detail,
            metadata=decision.dynamic_metadata,
            awaited=awaited(ticket, created.now),
        )


def _repeats(created: Created, now: Requirement) -> bool:
    """Say whether an equal request may redeem this ticket by being equal, then and now.

    A used up one is only found here by the very Check that took its last use: Envoy asks again.
    """
    ticket = created.ticket
    if ticket.draft.requirement.redeem is not Redeem.REPEAT or now.redeem is not Redeem.REPEAT:
        return False
    return ticket.state_at(created.now) in {State.APPROVED, State.USED_UP}


def outdated(ticket: Ticket, draft: TicketDraft, now_ms: int) -> bool:
    """Say whether a pending ticket asks for other votes than are demanded now."""
    pending = ticket.state_at(now_ms) is State.PENDING
    return pending and ticket.draft.requirement.terms != draft.requirement.terms
