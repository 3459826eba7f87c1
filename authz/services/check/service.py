"""The check itself: from one request to one outcome."""

from __future__ import annotations

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.decision import BreakGlassAllow, Deny, Hold
from authz.domain.reserved_headers import TICKET
from authz.domain.reserved_paths import is_reserved_path
from authz.services.check.breaking_glass import BreakingGlass
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.holding import Holding
from authz.services.check.own_resources import OwnResources
from authz.services.check.policy import Policy
from authz.services.check.redeeming import Redeeming
from authz.services.check.stripping import stripped
from authz.services.check.telling import REFUSED


class CheckService:
    """Judges requests. Every way to a Forward leads through an allow of the policy for this very request."""

    def __init__(
        self,
        policy: Policy,
        holding: Holding,
        redeeming: Redeeming,
        breaking_glass: BreakingGlass,
        own_resources: OwnResources,
    ) -> None:
        """Take the steps."""
        self._policy = policy
        self._holding = holding
        self._redeeming = redeeming
        self._breaking_glass = breaking_glass
        self._own_resources = own_resources

    async def check(self, call: CheckCall) -> Outcome:
        """Answer one call. Raises the errors of the tree in `domain.errors`; none of them is an allow."""
        if is_reserved_path(call.request.path):
            return await self._own_resources.answer(call)
        presented = call.request.values(TICKET)
        if not presented:
            return stripped(call, await self._judge(call))
        # Doubled headers arrive as two values, or as one with a comma that no token has.
        token = presented[0].decode("ascii", "replace")
        outcome = REFUSED if len(presented) > 1 else await self._redeeming.redeem(call, token)
        return stripped(call, outcome)

    async def again(self, call: CheckCall, ticket_id: str) -> Outcome:
        """Judge a call once more that waited for this ticket. Raises as `check` does."""
        return stripped(call, await self._redeeming.redeem_ticket(call, ticket_id))

    async def _judge(self, call: CheckCall) -> Outcome:
        decision, decision_id = await self._policy.ask(call, call.document)
        verdict = decision.verdict
        if isinstance(verdict, Hold):
            outcome = await self._holding.hold(call, decision, verdict, decision_id)
            if outcome.repeats:
                return await self._redeeming.redeem_ticket(call, outcome.ticket_id)
            return outcome
        if isinstance(verdict, Deny):
            answer = Respond(verdict.status, verdict.headers, verdict.body.encode())
            return Outcome(Kind.DENY, answer, decision_id=decision_id, metadata=decision.dynamic_metadata)
        if isinstance(verdict, BreakGlassAllow):
            return await self._breaking_glass.let_through(call, decision, verdict, decision_id)
        return Outcome(
            Kind.ALLOW,
            Forward(verdict.mutations),
            decision_id=decision_id,
            metadata=decision.dynamic_metadata,
        )
