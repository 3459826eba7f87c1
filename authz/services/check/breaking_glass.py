"""Letting a request through in an emergency: written down and told first, reviewed by somebody later."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.answer import Forward, Kind
from authz.domain.break_glass import BreakGlassParser, ReviewDraft
from authz.domain.decision import BreakGlassAllow, Decision
from authz.domain.errors import BodyNotVisible, PrincipalUnknown, StoreUnavailable
from authz.domain.fingerprint import Binding, Fingerprint, take_fingerprint
from authz.domain.justification import justification_of
from authz.domain.problems import Problem
from authz.domain.reserved_headers import APPROVAL_ID, refuse_rebinding, repeating
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.drafting import Drafting, HoldTerms, named
from authz.services.check.requesters import Requester, Requesters
from authz.services.check.responses import problem
from authz.services.permissions import Action
from authz.services.review_port import ReviewStore
from authz.services.vote_subject import review_subject


class BreakingGlass:
    """Obeys `{"allowed": true, "approval": {"break_glass": …}}`."""

    def __init__(
        self,
        reviews: ReviewStore,
        drafting: Drafting,
        requesters: Requesters,
        parser: BreakGlassParser,
        terms: HoldTerms,
    ) -> None:
        """Take the collaborators."""
        self._reviews = reviews
        self._drafting = drafting
        self._requesters = requesters
        self._parser = parser
        self._terms = terms

    async def let_through(
        self, call: CheckCall, decision: Decision, verdict: BreakGlassAllow, decision_id: str
    ) -> Outcome:
        """Forward the request once audit, alarm and review task are stored.

        The requester has to be a person whom the directory knows in the group, by the groups of now.

        Raises PolicyMalformed, PrincipalUnknown, NotPermitted, BadRequest, BytesHidden, BreakGlassExhausted,
        PolicyUnavailable and StoreUnavailable.
        """
        terms = self._parser.parse(verdict.approval)
        requester = self._requesters.of_hold(call.request, decision.requester)
        if requester.shared:
            msg = f"{requester.principal.identity} is nobody in particular, and break-glass needs a person"
            raise PrincipalUnknown(msg)
        person = await self._drafting.person(call, requester)
        if person is None or terms.group not in person.groups:
            return Outcome(
                Kind.REFUSE,
                problem(Problem.BREAK_GLASS_REFUSED),
                decision_id=decision_id,
                rule=terms.rule,
                principal=str(requester.principal.identity),
                detail="break-glass refused",
                metadata=decision.dynamic_metadata,
            )
        fingerprint = self._seen(call, requester)
        refuse_rebinding(verdict.mutations, fingerprint.binding.headers)
        draft = ReviewDraft(
            id=self._drafting.new_id(requester),
            requester=named(requester.principal, person),
            person=person.id,
            break_glass=terms,
            request=self._drafting.frozen(call.request, fingerprint.binding),
            payload_digest=fingerprint.payload_digest,
            justification=justification_of(call.request),
        )
        await self._drafting.permit(call, Action.BREAK_GLASS, draft.requester, person, review_subject(draft))
        used = await self._reviews.break_glass(
            draft, call.request.check_id, self._drafting.body(call.request)
        )
        if call.remaining() <= 0:
            msg = "the use of break-glass was stored after Envoy's deadline; the same Check may be repeated"
            raise StoreUnavailable(msg)
        mutations = replace(
            verdict.mutations,
            headers=(*verdict.mutations.headers, (APPROVAL_ID, used.review.id)),
            remove_headers=(*verdict.mutations.remove_headers, *repeating(call.request)),
        )
        return Outcome(
            Kind.ALLOW,
            Forward(mutations),
            decision_id=decision_id,
            ticket_id=used.review.id,
            rule=terms.rule,
            principal=str(requester.principal.identity),
            detail="break-glass",
            metadata=decision.dynamic_metadata,
        )

    def _seen(self, call: CheckCall, requester: Requester) -> Fingerprint:
        """Digest what was seen: an emergency doesn't wait for a body that Envoy can't show."""
        identity, path = requester.principal.identity, self._terms.decision_path
        try:
            return take_fingerprint(call.request, identity, path, Binding(self._terms.bound_headers))
        except BodyNotVisible:
            unseen = Binding(self._terms.bound_headers, body=False)
            return take_fingerprint(call.request, identity, path, unseen)
