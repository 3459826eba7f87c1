"""A request that presents a ticket: whose it is, whether it is the same request, and whether it may go through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import http_sf

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.client_view import ticket_members
from authz.domain.decision import Allow, Decision, Deny, Hold
from authz.domain.errors import BodyNotVisible, BytesHidden, StoreUnavailable
from authz.domain.fingerprint import changed_parts, take_fingerprint
from authz.domain.header_mutation import Mutations
from authz.domain.problems import Problem
from authz.domain.quorum import progress
from authz.domain.requirement import Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.reserved_headers import APPROVAL_ID, APPROVED_BY, refuse_rebinding, repeating
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.token import TokenMint
from authz.services.check.approval_input import approval_input
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.holding import Holding, HoldTerms
from authz.services.check.policy import Policy
from authz.services.check.requesters import Requesters
from authz.services.check.responses import about, problem
from authz.services.ports import Loaded, RedeemResult, TicketStore

REFUSED = Outcome(Kind.REFUSE, problem(Problem.REFUSED), detail="ticket refused")

_LET_THROUGH = frozenset({RedeemResult.REDEEMED, RedeemResult.REPLAYED})


@dataclass(frozen=True, slots=True)
class _Presented:
    """A ticket as this call presents it: what changed since, and whether this Check was counted already."""

    ticket: Ticket
    now: int
    changed: tuple[str, ...]
    replay: bool

    @property
    def usable(self) -> bool:
        if self.changed:
            return False
        return self.replay or self.ticket.state_at(self.now) is State.APPROVED


class Redeeming:
    """Answers requests with a ticket header."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        store: TicketStore,
        policy: Policy,
        mint: TokenMint,
        parser: RequirementParser,
        requesters: Requesters,
        holding: Holding,
        terms: HoldTerms,
    ) -> None:
        """Take the collaborators."""
        self._store = store
        self._policy = policy
        self._mint = mint
        self._parser = parser
        self._requesters = requesters
        self._holding = holding
        self._terms = terms

    async def redeem(self, call: CheckCall, token: str) -> Outcome:
        """Answer a request that presents `token`.

        What no answer of the policy could let through is answered without asking it: a forged, unknown or foreign
        ticket, a changed request, a ticket that is over.
        """
        identifier = self._mint.verify(token)
        if identifier is None:
            return REFUSED
        loaded = await self._store.load(identifier)
        if loaded is None:
            return REFUSED
        principal = self._requesters.verified(call.request)
        if principal is None:
            return await self._redeem_as_named(call, loaded)
        if principal.identity != loaded.ticket.draft.requester.identity:
            return REFUSED
        presented = self._present(call, loaded)
        over = self._over(presented)
        if over is not None:
            return over
        decision, decision_id = await self._ask(call, presented)
        return await self._obey(call, presented, decision, decision_id)

    async def _redeem_as_named(self, call: CheckCall, loaded: Loaded) -> Outcome:
        """The same where only the policy can say who asks: nothing is told of the ticket before it has."""
        if not self._requesters.policy_may_name:
            return REFUSED
        presented: _Presented | BodyNotVisible | BytesHidden
        try:
            presented = self._present(call, loaded)
        except (BodyNotVisible, BytesHidden) as error:
            presented = error  # said below, to the requester alone
        decision, decision_id = await self._ask(call, presented)
        asking = self._requesters.asking(call.request, decision.requester)
        if asking is None or asking.identity != loaded.ticket.draft.requester.identity:
            return REFUSED
        if not isinstance(presented, _Presented):
            raise presented
        return self._over(presented) or await self._obey(call, presented, decision, decision_id)

    def _present(self, call: CheckCall, loaded: Loaded) -> _Presented:
        draft = loaded.ticket.draft
        now = take_fingerprint(
            call.request, draft.requester.identity, self._terms.decision_path, draft.fingerprint.binding
        )
        replay = loaded.ticket.replayable(call.request.check_id, loaded.now)
        return _Presented(loaded.ticket, loaded.now, changed_parts(draft.fingerprint, now), replay)

    def _over(self, presented: _Presented) -> Outcome | None:
        """Return the answer that holds whatever the policy says: changed, or at an end."""
        ticket, now = presented.ticket, presented.now
        if presented.changed:
            members = {"id": ticket.id, "changed": list(presented.changed)}
            return self._outcome(
                Kind.REFUSE, problem(Problem.CHANGED, members), ticket, detail="request changed"
            )
        if presented.replay or ticket.state_at(now) in {State.PENDING, State.APPROVED}:
            return None
        return self._outcome(
            Kind.REFUSE, self._about(ticket, now), ticket, detail=f"ticket {ticket.state_at(now).value}"
        )

    async def _ask(self, call: CheckCall, presented: _Presented | Exception) -> tuple[Decision, str]:
        document = dict(call.document)
        if isinstance(presented, _Presented) and presented.usable:
            document["approval"] = approval_input(presented.ticket, replay=presented.replay)
        return await self._policy.ask(call, document)

    async def _obey(
        self, call: CheckCall, presented: _Presented, decision: Decision, decision_id: str
    ) -> Outcome:
        ticket = presented.ticket
        verdict = decision.verdict
        if isinstance(verdict, Deny):
            answer = Respond(verdict.status, verdict.headers, verdict.body.encode())
            return self._outcome(Kind.DENY, answer, ticket, decision, decision_id)
        if not presented.usable:
            if isinstance(verdict, Allow):
                # The policy lets this pass without anybody's approval; the ticket isn't needed and isn't touched.
                return self._outcome(Kind.ALLOW, Forward(verdict.mutations), ticket, decision, decision_id)
            return self._outcome(Kind.HOLD, self._about(ticket, presented.now), ticket, decision, decision_id)
        terms = ticket.draft.requirement
        mutations = Mutations()
        if isinstance(verdict, Hold):
            terms = self._parser.parse(verdict.demand)
            if not self._satisfied(ticket, terms):
                members = ticket_members(ticket, presented.now, self._terms.public_url)
                return self._outcome(
                    Kind.REFUSE, problem(Problem.INSUFFICIENT, members), ticket, decision, decision_id
                )
        else:
            mutations = verdict.mutations
            refuse_rebinding(mutations, ticket.draft.fingerprint.binding.headers)
        result = await self._store.redeem(
            ticket.id, ticket.draft.fingerprint.digest, call.request.check_id, terms.uses, terms.valid_for_ms
        )
        if result in _LET_THROUGH:
            if call.remaining() <= 0:
                msg = "the grant was redeemed after Envoy's deadline; the same Check may be repeated"
                raise StoreUnavailable(msg)
            forward = Forward(_approved(call, ticket, mutations))
            return self._outcome(Kind.ALLOW, forward, ticket, decision, decision_id, detail=result.value)
        return await self._lost(ticket, result)

    def _satisfied(self, ticket: Ticket, demanded: Requirement) -> bool:
        """Say whether the votes and the binding of then meet what the policy demands now."""
        then = ticket.draft.fingerprint.binding
        now = self._holding.binding(demanded)
        if not now.headers <= then.headers or (now.body and not then.body):
            return False
        known = ticket.draft.requester_person is not None
        return progress(demanded, ticket.votes, requester_known=known).complete

    async def _lost(self, ticket: Ticket, result: RedeemResult) -> Outcome:
        """Somebody else took the last use, or time ran out, between our look and our grip: say what is true now."""
        loaded = await self._store.load(ticket.id)
        if loaded is None:
            return REFUSED
        state = loaded.ticket.state_at(loaded.now)
        if state in {State.PENDING, State.APPROVED}:
            # Fewer uses or a shorter window are granted now than were approved, and they are spent.
            members = ticket_members(loaded.ticket, loaded.now, self._terms.public_url)
            answer = problem(Problem.INSUFFICIENT, members)
        else:
            answer = self._about(loaded.ticket, loaded.now)
        return self._outcome(Kind.REFUSE, answer, ticket, detail=result.value)

    def _about(self, ticket: Ticket, now: int) -> Respond:
        return about(ticket, now, self._mint.mint(ticket.id), self._terms.public_url)

    def _outcome(  # noqa: PLR0913, PLR0917 - one constructor for every answer about a ticket
        self,
        kind: Kind,
        answer: Forward | Respond,
        ticket: Ticket,
        decision: Decision | None = None,
        decision_id: str = "",
        detail: str = "",
    ) -> Outcome:
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


def _approved(call: CheckCall, ticket: Ticket, mutations: Mutations) -> Mutations:
    """Add who approved it, as an RFC 9651 list of strings, and the ticket's id; take away what would repeat it."""
    voters = [str(vote.identity) for vote in ticket.votes if vote.choice is Choice.APPROVE]
    approved_by = http_sf.ser(cast("list[Any]", voters))
    headers = (*mutations.headers, (APPROVAL_ID, ticket.id), (APPROVED_BY, approved_by))
    removed = (*mutations.remove_headers, *repeating(call.request))
    return replace(mutations, headers=headers, remove_headers=removed)
