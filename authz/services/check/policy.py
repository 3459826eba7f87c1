"""Asking the policy within what is left of Envoy's deadline."""

from __future__ import annotations

from collections.abc import Mapping

from authz.domain.decision import Allow, BreakGlassAllow, Decision, Deny, read_decision
from authz.domain.framing import refuse_content, refuse_reframing
from authz.domain.reserved_headers import refuse_reserved
from authz.services.check.call import CheckCall
from authz.services.ports import PolicyEngine


class Policy:
    """The policy engine with its timeout: the smaller of the setting and what the call has left."""

    def __init__(self, engine: PolicyEngine, timeout: float) -> None:
        """`timeout` is HOLDGATE_OPA_TIMEOUT in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def ask(self, call: CheckCall, document: Mapping[str, object]) -> tuple[Decision, str]:
        """Return the decision for this document, and its id. Raises PolicyUnavailable and PolicyMalformed."""
        reply = await self._engine.decide(document, min(self._timeout, call.remaining()))
        decision = read_decision(reply.result)
        verdict = decision.verdict
        if isinstance(verdict, Allow | BreakGlassAllow):
            refuse_reserved(verdict.mutations)
            refuse_reframing(verdict.mutations)
        elif isinstance(verdict, Deny):
            refuse_content(verdict)
        return decision, reply.decision_id
