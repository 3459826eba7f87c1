"""A request that presents a ticket: whose it is, whether it is the same request, and whether it may go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import http_sf

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.body import visible_body
from authz.domain.client_view import ticket_members
from authz.domain.decision import Allow, BreakGlassAllow, Decision, Deny, Hold
from authz.domain.errors import BodyNotVisible, BytesHidden, StoreUnavailable
from authz.domain.fingerprint import changed_parts, take_fingerprint
from authz.domain.header_mutation import Mutations
from authz.domain.identity import Identity
from authz.domain.problems import Problem
from authz.domain.quorum import progress
from authz.domain.requirement import Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.reserved_headers import APPROVAL_ID, APPROVED_BY, refuse_rebinding, repeating
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket, Vote
from authz.domain.token import TokenMint
from authz.services.check.approval_input import approval_input
from authz.services.check.breaking_glass import BreakingGlass
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.drafting import Drafting, HoldTerms
from authz.services.check.holding import Holding
from authz.services.check.policy import Policy
from authz.services.check.presented import Presented
from authz.services.check.requesters import Requesters
from authz.services.check.responses import about, problem
from authz.services.ports import Loaded, RedeemResult, TicketStore

REFUSED = Outcome(Kind.REFUSE, problem(Problem.REFUSED), detail="ticket refused")

_LET_THROUGH = frozenset({RedeemResult.REDEEMED, RedeemResult.REPLAYED})
_LOOKS = 4
_SUCCESSIONS_MAX = 8


class Redeeming:
    """Answers requests with a ticket header."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        store: TicketStore,
        policy: Policy,
        mint: TokenMint,
        parser: RequirementParser,
        requesters: Requesters,
        drafting: Drafting,
        holding: Holding,
        breaking_glass: BreakingGlass,
        sign_in: SignInRules,
        terms: HoldTerms,
    ) -> None:
        """Take the collaborators."""
        self._store = store
        self._policy = policy
        self._mint = mint
        self._parser = parser
        self._requesters = requesters
        self._drafting = drafting
        self._holding = holding
        self._breaking_glass = breaking_glass
        self._sign_in = sign_in
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
        owner = loaded.ticket.draft.requester.identity
        principal = self._requesters.verified(call.request)
        if principal is None and self._requesters.policy_may_name:
            return await self._redeem_as_named(call, loaded, owner)
        asking = principal or self._requesters.asking(call.request, None)
        if asking is None or asking.identity != owner:
            return REFUSED
        presented = self._present(call, loaded)
        over = await self._over(presented)
        if over is not None:
            return over
        decision, decision_id = await self._ask(call, presented)
        return await self._obey(call, presented, decision, decision_id)

    async def _redeem_as_named(self, call: CheckCall, loaded: Loaded, owner: Identity) -> Outcome:
        """The same where only the policy can say who asks: nothing is told of the ticket before it has."""
        presented: Presented | BodyNotVisible | BytesHidden
        try:
            presented = self._present(call, loaded)
        except (BodyNotVisible, BytesHidden) as error:
            presented = error  # said below, to the requester alone
        decision, decision_id = await self._ask(call, presented)
        asking = self._requesters.asking(call.request, decision.requester)
        if asking is None or asking.identity != owner:
            return REFUSED
        if not isinstance(presented, Presented):
            raise presented
        return await self._over(presented) or await self._obey(call, presented, decision, decision_id)

    def _present(self, call: CheckCall, loaded: Loaded) -> Presented:
        ticket, now = loaded.ticket, loaded.now
        draft = ticket.draft
        replay = ticket.replayable(call.request.check_id, now)
        if draft.requirement.scope:
            # Any request, but never one of which the policy saw only a part.
            visible_body(call.request)
            return Presented(ticket, now, (), replay)
        binding = replace(draft.fingerprint.binding, ignores=draft.requirement.body_ignores)
        again = take_fingerprint(call.request, draft.requester.identity, self._terms.decision_path, binding)
        return Presented(ticket, now, changed_parts(draft.fingerprint, again), replay)

    async def _over(self, presented: Presented) -> Outcome | None:
        """Return the answer that holds whatever the policy says: changed, or at an end."""
        ticket = presented.ticket
        if presented.changed:
            return self._changed(ticket, presented.changed)
        if presented.state is State.SUPERSEDED:
            return await self._successor(ticket)
        if presented.replay or presented.state.live:
            return None
        return self._told(Loaded(ticket, presented.now), f"ticket {presented.state.value}")

    async def _successor(self, ticket: Ticket) -> Outcome:
        """Answer with the ticket that took this one's place, over as many as there were."""
        for _ in range(_SUCCESSIONS_MAX):
            loaded = await self._store.load(ticket.replaced_by)
            if loaded is None:
                break
            if loaded.ticket.state is not State.SUPERSEDED:
                return self._told(loaded, "ticket superseded")
            ticket = loaded.ticket
        answer = problem(Problem.SUPERSEDED, {"id": ticket.id})
        return self._outcome(Kind.REFUSE, answer, ticket, detail="ticket superseded")

    async def _ask(self, call: CheckCall, presented: Presented | Exception) -> tuple[Decision, str]:
        """Ask the policy; it sees the approval where that is for this very request.

        A session's policy doesn't: it has to hold this request for the same rule and scope, or it would be allowed
        for an approval that was never for it.
        """
        if not isinstance(presented, Presented) or not presented.usable or presented.session:
            return await self._policy.ask(call, call.document)
        approval = approval_input(presented.ticket, replay=presented.replay)
        return await self._policy.ask(call, {**call.document, "approval": approval})

    async def _obey(
        self, call: CheckCall, presented: Presented, decision: Decision, decision_id: str
    ) -> Outcome:
        ticket = presented.ticket
        match decision.verdict:
            case Deny() as deny:
                answer = Respond(deny.status, deny.headers, deny.body.encode())
                return self._outcome(Kind.DENY, answer, ticket, decision, decision_id)
            case BreakGlassAllow() as verdict:
                return await self._breaking_glass.let_through(call, decision, verdict, decision_id)
            case Hold() as hold:
                return await self._held_again(call, presented, decision, hold, decision_id)
            case Allow(mutations):
                if not presented.usable or presented.session:
                    # The policy lets this pass without anybody's approval; the ticket isn't needed and not touched.
                    return self._outcome(Kind.ALLOW, Forward(mutations), ticket, decision, decision_id)
                refuse_rebinding(mutations, ticket.draft.fingerprint.binding.headers)
                return await self._take_use(
                    call, ticket, ticket.draft.requirement, mutations, decision, decision_id
                )

    async def _held_again(
        self, call: CheckCall, presented: Presented, decision: Decision, hold: Hold, decision_id: str
    ) -> Outcome:
        """The policy demands a person now as well: whether the votes of then are enough for it."""
        ticket, then = presented.ticket, presented.ticket.draft.requirement
        now = self._parser.parse(hold.demand)
        if presented.session and (now.rule, now.scope) != (then.rule, then.scope):
            return self._changed(ticket, tuple(_differing(then, now)))
        if presented.usable and self._satisfied(ticket, now):
            return await self._take_use(call, ticket, now, Mutations(), decision, decision_id)
        if not presented.usable and now.terms == then.terms:
            answer = self._about(Loaded(ticket, presented.now))
            return self._outcome(Kind.HOLD, answer, ticket, decision, decision_id)
        if not presented.state.live:
            # A use that was counted before the demand grew, asked for again: there is nothing to supersede.
            return self._insufficient(Loaded(ticket, presented.now), decision, decision_id, "replay")
        return await self._superseded(call, ticket, decision, hold, decision_id)

    async def _superseded(
        self, call: CheckCall, ticket: Ticket, decision: Decision, hold: Hold, decision_id: str
    ) -> Outcome:
        for _ in range(_LOOKS):
            newer = await self._holding.supersede(call, decision, hold, decision_id, ticket)
            if newer is not None:
                return newer
            loaded = await self._store.load(ticket.id)
            if loaded is None:
                return REFUSED
            ticket = loaded.ticket
            if ticket.state is State.SUPERSEDED:
                return await self._successor(ticket)
            if not ticket.state_at(loaded.now).live:
                return self._told(loaded, f"ticket {ticket.state_at(loaded.now).value}")
        msg = f"ticket {ticket.id} changed {_LOOKS} times while it was to be superseded"
        raise StoreUnavailable(msg)

    async def _take_use(  # noqa: PLR0913, PLR0917 - what is taken, on which terms, and what is told of it
        self,
        call: CheckCall,
        ticket: Ticket,
        terms: Requirement,
        mutations: Mutations,
        decision: Decision,
        decision_id: str,
    ) -> Outcome:
        result = await self._store.redeem(
            ticket.id, ticket.draft.fingerprint.digest, call.request.check_id, terms.uses, terms.valid_for_ms
        )
        if result in _LET_THROUGH:
            if call.remaining() <= 0:
                msg = "the grant was redeemed after Envoy's deadline; the same Check may be repeated"
                raise StoreUnavailable(msg)
            forward = Forward(_approved(call, ticket, self._counting(ticket, terms), mutations))
            return self._outcome(Kind.ALLOW, forward, ticket, decision, decision_id, detail=result.value)
        return await self._lost(ticket, result, decision, decision_id)

    def _satisfied(self, ticket: Ticket, demanded: Requirement) -> bool:
        """Say whether the votes and the binding of then meet what the policy demands now."""
        if not demanded.scope:
            then = replace(ticket.draft.fingerprint.binding, ignores=ticket.draft.requirement.body_ignores)
            if not then.covers(self._drafting.binding(demanded)):
                return False
        if demanded.justification_required and not ticket.draft.justification:
            return False
        votes = self._counting(ticket, demanded)
        known = ticket.draft.requester_person is not None
        return progress(demanded, votes, requester_known=known).complete

    def _counting(self, ticket: Ticket, demanded: Requirement) -> list[Vote]:
        """Return the votes whose sign-in meets the risk of now."""
        return [
            vote
            for vote in ticket.votes
            if self._sign_in.meets(demanded.risk, vote.method, vote.signed_in_at, vote.at)
        ]

    async def _lost(
        self, ticket: Ticket, result: RedeemResult, decision: Decision, decision_id: str
    ) -> Outcome:
        """Somebody else took the last use, or time ran out, between our look and our grip: say what is true now."""
        loaded = await self._store.load(ticket.id)
        if loaded is None:
            return REFUSED
        if loaded.ticket.state is State.SUPERSEDED:
            return await self._successor(loaded.ticket)
        if loaded.ticket.state_at(loaded.now).live:
            # Fewer uses or a shorter window are granted now than were approved, and they are spent.
            return self._insufficient(loaded, decision, decision_id, result.value)
        return self._told(loaded, result.value)

    def _insufficient(self, loaded: Loaded, decision: Decision, decision_id: str, detail: str) -> Outcome:
        members = ticket_members(loaded.ticket, loaded.now, self._terms.public_url)
        answer = problem(Problem.INSUFFICIENT, members)
        return self._outcome(Kind.REFUSE, answer, loaded.ticket, decision, decision_id, detail=detail)

    def _changed(self, ticket: Ticket, parts: tuple[str, ...]) -> Outcome:
        answer = problem(Problem.CHANGED, {"id": ticket.id, "changed": list(parts)})
        return self._outcome(Kind.REFUSE, answer, ticket, detail="request changed")

    def _told(self, loaded: Loaded, detail: str) -> Outcome:
        """Answer with the state of a ticket."""
        live = loaded.ticket.state_at(loaded.now).live
        kind = Kind.HOLD if live else Kind.REFUSE
        return self._outcome(kind, self._about(loaded), loaded.ticket, detail=detail)

    def _about(self, loaded: Loaded) -> Respond:
        ticket = loaded.ticket
        return about(ticket, loaded.now, self._mint.mint(ticket.id), self._terms.public_url)

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


def _differing(then: Requirement, now: Requirement) -> list[str]:
    return [name for name in ("rule", "scope") if getattr(then, name) != getattr(now, name)]


def _approved(call: CheckCall, ticket: Ticket, votes: Sequence[Vote], mutations: Mutations) -> Mutations:
    """Add who approved it, as an RFC 9651 list of strings, and the ticket's id; take away what would repeat it."""
    voters = [str(vote.identity) for vote in votes if vote.choice is Choice.APPROVE]
    approved_by = http_sf.ser(cast("list[Any]", voters))
    headers = (*mutations.headers, (APPROVAL_ID, ticket.id), (APPROVED_BY, approved_by))
    removed = (*mutations.remove_headers, *repeating(call.request))
    return replace(mutations, headers=headers, remove_headers=removed)
