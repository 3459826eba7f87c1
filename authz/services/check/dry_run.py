"""Dry run: the policy is asked and heard, and nothing is refused because of it.

The one exception to the rule that only an allow of the policy lets a request through; HOLDGATE_DRY_RUN switches it
on. What fails still fails: a request that can't be read, an OPA that doesn't answer, a policy that can't be obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping

from authz.domain.answer import Forward, Kind
from authz.domain.decision import Allow, BreakGlassAllow, Deny, Hold
from authz.domain.header_mutation import Mutations
from authz.domain.requirement_parser import RequirementParser
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.policy import Policy
from authz.services.check.stripping import stripped

DETAIL = "dry run"


class DryRun:
    """Stands in the place of CheckService. It opens no tickets and redeems none."""

    def __init__(self, policy: Policy, parser: RequirementParser) -> None:
        """`parser` reads what a hold would have demanded, so that a demand that can't be read is seen now."""
        self._policy = policy
        self._parser = parser

    async def check(self, call: CheckCall) -> Outcome:
        """Forward whatever the policy decides, and say what it was. Raises PolicyUnavailable and PolicyMalformed."""
        decision, decision_id = await self._policy.ask(call, call.document)
        kind, mutations, rule = Kind.ALLOW, Mutations(), ""
        match decision.verdict:
            case Allow() | BreakGlassAllow():
                mutations = decision.verdict.mutations
            case Deny():
                kind = Kind.DENY
            case Hold():
                kind, rule = Kind.HOLD, self._parser.parse(decision.verdict.demand).rule
        mark: Mapping[str, object] = {} if kind is Kind.ALLOW else {"dry_run": True}
        outcome = Outcome(
            kind=kind,
            answer=Forward(mutations),
            decision_id=decision_id,
            rule=rule,
            detail=DETAIL,
            metadata={**decision.dynamic_metadata, **mark},
        )
        return stripped(call, outcome)
