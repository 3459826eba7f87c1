"""A request that presents a ticket: whose it is, whether it is the same request, and whether it may go through."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.body import visible_body
from authz.domain.decision import Allow, BreakGlassAllow, Decision, Deny, Hold
from authz.domain.errors import BodyNotVisible, BytesHidden, StoreUnavailable
from authz.domain.fingerprint import changed_parts, take_fingerprint
from authz.domain.header_mutation import Mutations
from authz.domain.identity import Identity
from authz.domain.request import CheckId
from authz.domain.requirement import Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.reserved_headers import refuse_rebinding
from authz.domain.ticket import State, Ticket
from authz.domain.token import TokenMint
from authz.services.check.approval_input import approval_input
from authz.services.check.breaking_glass import BreakingGlass
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.forwarding import approved
from authz.services.check.policy import Policy
from authz.services.check.presented import Presented
from authz.services.check.requesters import Requesters
from authz.services.check.sufficiency import Sufficiency
from authz.services.check.superseding import Superseding
from authz.services.check.telling import REFUSED, Telling
from authz.services.ports import Loaded, RedeemResult, TicketStore

_LET_THROUGH = frozenset({RedeemResult.REDEEMED, RedeemResult.REPLAYED})
_SPENT = frozenset({RedeemResult.USED_UP, RedeemResult.LAPSED})


class Redeeming:
    """Answers requests with a ticket header."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        store: TicketStore,
        policy: Policy,
        mint: TokenMint,
        parser: RequirementParser,
        requesters: Requesters,
        breaking_glass: BreakingGlass,
        sufficiency: Sufficiency,
        superseding: Superseding,
        telling: Telling,
        decision_path: str,
    ) -> None:
        """Take the collaborators; `decision_path` is the policy's, to which tickets are bound."""
        self._store = store
        self._policy = policy
        self._mint = mint
        self._parser = parser
        self._requesters = requesters
        self._breaking_glass = breaking_glass
        self._sufficiency = sufficiency
        self._superseding = superseding
        self._telling = telling
        self._decision_path = decision_path

    async def redeem(self, call: CheckCall, token: str) -> Outcome:
        """Answer a request that presents `token`.

        What no answer of the policy could let through is answered without asking it: a forged, unknown or foreign
        ticket, a changed request, a ticket that is over.
        """
        identifier = self._mint.verify(token)
        return REFUSED if identifier is None else await self.redeem_ticket(call, identifier)

    async def redeem_ticket(self, call: CheckCall, identifier: str) -> Outcome:
        """Answer a request for the ticket that it waited for, or that it repeats; as `redeem` in everything else."""
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
        again = take_fingerprint(call.request, draft.requester.identity, self._decision_path, binding)
        return Presented(ticket, now, changed_parts(draft.fingerprint, again), replay)

    async def _over(self, presented: Presented) -> Outcome | None:
        """Return the answer that holds whatever the policy says: changed, or at an end."""
        ticket = presented.ticket
        if presented.changed:
            return self._telling.changed(ticket, presented.changed)
        if presented.state is State.SUPERSEDED:
            return await self._telling.successor(ticket)
        if presented.replay or presented.state.live:
            return None
        return self._telling.told(Loaded(ticket, presented.now), f"ticket {presented.state.value}")

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
                return self._telling.outcome(Kind.DENY, answer, ticket, decision, decision_id)
            case BreakGlassAllow() as verdict:
                return await self._breaking_glass.let_through(call, decision, verdict, decision_id)
            case Hold() as hold:
                return await self._held_again(call, presented, decision, hold, decision_id)
            case Allow(mutations):
                if not presented.usable or presented.session:
                    # The policy lets this pass without anybody's approval; the ticket isn't needed and not touched.
                    return self._telling.outcome(
                        Kind.ALLOW, Forward(mutations), ticket, decision, decision_id
                    )
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
            return self._telling.changed(ticket, tuple(_differing(then, now)))
        if presented.usable and self._sufficiency.satisfied(ticket, now):
            return await self._take_use(call, ticket, now, Mutations(), decision, decision_id)
        if not presented.usable and now.terms == then.terms:
            return self._telling.told(Loaded(ticket, presented.now), "", decision, decision_id)
        if not presented.state.live:
            # A use that was counted before the demand grew, asked for again: there is nothing to supersede.
            return self._telling.insufficient(Loaded(ticket, presented.now), decision, decision_id, "replay")
        return await self._superseding.instead(call, ticket, decision, hold, decision_id)

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
            forward = Forward(approved(call, ticket, self._sufficiency.counting(ticket, terms), mutations))
            return self._telling.outcome(
                Kind.ALLOW, forward, ticket, decision, decision_id, detail=result.value
            )
        return await self._lost(call, ticket, result, decision, decision_id)

    async def _lost(
        self, call: CheckCall, ticket: Ticket, result: RedeemResult, decision: Decision, decision_id: str
    ) -> Outcome:
        """No use was to be had, though the votes are enough: say what is true now."""
        loaded = await self._store.load(ticket.id)
        if loaded is None:
            return REFUSED
        newest = loaded.ticket
        if newest.state is State.SUPERSEDED:
            return await self._telling.successor(newest)
        if not newest.state_at(loaded.now).live:
            # Somebody else took the last use, or time ran out, between our look and our grip.
            return self._telling.told(loaded, result.value)
        hold, counted = decision.verdict, _counted(newest, call.request.check_id)
        if isinstance(hold, Hold) and result in _SPENT and not counted:
            # Fewer uses or a shorter window are granted now than were approved, and they are spent.
            return await self._superseding.instead(call, newest, decision, hold, decision_id)
        return self._telling.insufficient(loaded, decision, decision_id, result.value)


def _counted(ticket: Ticket, check: CheckId) -> bool:
    """Say whether this Check took a use: then it is Envoy's retry, and no wish for another approval."""
    return bool(check.http_id) and any(use.check == check for use in ticket.redemptions)


def _differing(then: Requirement, now: Requirement) -> list[str]:
    return [name for name in ("rule", "scope") if getattr(then, name) != getattr(now, name)]
