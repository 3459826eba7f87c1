"""A requester who takes a request of theirs back, with nothing but the client in hand."""

from __future__ import annotations

from typing import Final

from authz.domain.answer import Respond
from authz.domain.client_view import ending_members, ticket_members
from authz.domain.errors import VoteRefused
from authz.domain.identity import Principal
from authz.domain.problems import Problem
from authz.domain.ticket import State
from authz.services.check.call import CheckCall
from authz.services.check.policy import Policy
from authz.services.check.requesters import Requesters
from authz.services.check.responses import problem, status
from authz.services.ports import Loaded, TicketStore
from authz.services.voting import SignedIn, TooContended, VotingService

_TAKEN_BACK: Final = frozenset({State.CANCELLED, State.REVOKED})
_OVERTAKEN: Final = frozenset({"already-decided", "not-approved"})
_LOOKS_MAX: Final = 3
"""Pending, approved, over: the state changes no more often than that while somebody looks."""


class TakingBack:
    """Ends a ticket at its requester's wish: a pending one is cancelled, an approved one revoked."""

    def __init__(
        self,
        store: TicketStore,
        policy: Policy,
        requesters: Requesters,
        voting: VotingService,
        public_url: str,
    ) -> None:
        """Take the collaborators; `public_url` is where people review."""
        self._store = store
        self._policy = policy
        self._requesters = requesters
        self._voting = voting
        self._public_url = public_url

    async def take_back(self, call: CheckCall, ticket_id: str) -> Respond:
        """Answer 200 with the ticket once it is taken back, also if it was before, and 409 if it is over otherwise.

        The token was shown already. Whoever isn't the ticket's own requester gets what a forged token gets.
        Raises as the store, the policy and the operator's rule do.
        """
        loaded = await self._store.load(ticket_id)
        if loaded is None:
            return problem(Problem.REFUSED)
        asking = await self._asking(call)
        if asking is None or asking.identity != loaded.ticket.draft.requester.identity:
            return problem(Problem.REFUSED)
        for _ in range(_LOOKS_MAX):
            state = loaded.ticket.state_at(loaded.now)
            if state in _TAKEN_BACK:
                return status(loaded.ticket, loaded.now, self._public_url)
            if not state.live:
                return self._over(loaded)
            try:
                loaded = await self._ended(loaded, state, asking)
            except VoteRefused as refused:
                if refused.code == "not-permitted":
                    return problem(Problem.CANCEL_NOT_PERMITTED, {"reason": str(refused)})
                # Somebody decided, or time ran out, between our look and our grip.
                loaded = await self._store.load(ticket_id) if refused.code in _OVERTAKEN else None
            if loaded is None:
                return problem(Problem.REFUSED)
        msg = f"ticket {ticket_id} changed {_LOOKS_MAX} times while it was taken back"
        raise TooContended(msg)

    async def _asking(self, call: CheckCall) -> Principal | None:
        """Return who sends this, as for a redemption; the policy is asked only where it alone may know.

        What else it says of this request doesn't matter: it isn't the request that the ticket is for.
        """
        principal = self._requesters.verified(call.request)
        if principal is not None or not self._requesters.policy_may_name:
            return principal or self._requesters.asking(call.request, None)
        decision, _ = await self._policy.ask(call, call.document)
        return self._requesters.asking(call.request, decision.requester)

    async def _ended(self, loaded: Loaded, state: State, asking: Principal) -> Loaded:
        who = SignedIn(asking.identity, asking.name, "request", 0)
        if state is State.PENDING:
            return await self._voting.cancel(loaded.ticket.id, who, "")
        return await self._voting.revoke(loaded.ticket.id, who, "")

    def _over(self, loaded: Loaded) -> Respond:
        ticket, now = loaded.ticket, loaded.now
        members = ticket_members(ticket, now, self._public_url) | ending_members(ticket, now)
        return problem(Problem.TICKET_OVER, members)
