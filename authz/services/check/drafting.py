"""Making a ticket of a request and a demand: whose it is, what it is bound to, and whether anybody could approve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authz.domain.decision import Decision, Hold
from authz.domain.errors import JustificationMissing, NotPermitted, PolicyMalformed
from authz.domain.fingerprint import Binding, take_fingerprint
from authz.domain.identity import Actor, Person, Principal
from authz.domain.justification import justification_of
from authz.domain.quorum import attainable
from authz.domain.request import GatedRequest
from authz.domain.requirement import Requirement
from authz.domain.ticket import FrozenRequest, TicketDraft
from authz.domain.token import partition_of, partition_of_requester, ticket_id
from authz.services.check.call import CheckCall
from authz.services.check.requesters import Requester, Requesters
from authz.services.permissions import Action, Subject, VoteRule
from authz.services.ports import Directory
from authz.services.vote_subject import draft_subject

# Never stored, not even when a rule binds them: whoever reads a ticket must not be able to act as the requester.
_NEVER_STORED = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """The settings that every hold shares. `entropy(n)` returns n random bytes; `partitions` is the store's number."""

    decision_path: str
    bound_headers: frozenset[str]
    held_status: int
    stored_body_bytes: int
    public_url: str
    directory_timeout: float
    entropy: Callable[[int], bytes]
    partitions: int = 1


class Drafting:
    """Makes drafts of tickets. Stores nothing."""

    def __init__(
        self, directory: Directory, rule: VoteRule, requesters: Requesters, terms: HoldTerms
    ) -> None:
        """Take the collaborators."""
        self._directory = directory
        self._rule = rule
        self._requesters = requesters
        self._terms = terms

    async def draft(
        self,
        call: CheckCall,
        decision: Decision,
        hold: Hold,
        requirement: Requirement,
        earlier: TicketDraft | None = None,
    ) -> TicketDraft:
        """Return the ticket that this request would get.

        One that takes the place of an `earlier` one is kept where that is, and needs no new justification.

        Raises PolicyMalformed, PrincipalUnknown, NotPermitted, JustificationMissing, BadRequest, BodyNotVisible,
        BytesHidden and PolicyUnavailable.
        """
        request = call.request
        if not request.method or not request.path:
            msg = "approval: only HTTP requests can be held, and this check has no method or no path"
            raise PolicyMalformed(msg)
        requester = self._requesters.of_hold(request, decision.requester)
        justification = justification_of(request) or (earlier.justification if earlier else "")
        if requirement.justification_required and not justification:
            raise JustificationMissing(requirement.rule)
        binding = self.binding(requirement)
        identity = requester.principal.identity
        fingerprint = take_fingerprint(request, identity, self._terms.decision_path, binding)
        person = await self.person(call, requester)
        linked = person is not None and person.linked
        if not attainable(requirement, identity, requester_known=linked):
            msg = f"rule {requirement.rule}: approval.approvers: nobody could give that to {identity}"
            raise PolicyMalformed(msg)
        draft = TicketDraft(
            id=self._id_beside(earlier.id) if earlier else self.new_id(requester),
            requester=named(requester.principal, person),
            requester_person=person.id if person else None,
            requirement=requirement,
            fingerprint=fingerprint,
            request=self.frozen(request, binding),
            held_status=hold.status or self._terms.held_status,
            justification=justification,
            quota_key=earlier.quota_key if earlier else requester.quota_key,
            shared=requester.shared,
            requester_linked=linked,
        )
        await self.permit(call, Action.REQUEST, draft.requester, person, draft_subject(draft))
        return draft

    async def permit(
        self, call: CheckCall, action: Action, asking: Principal, person: Person | None, subject: Subject
    ) -> None:
        """Ask the operator's rule about the sender of a request. Raises NotPermitted and as the rule does."""
        actor = Actor(asking.identity, asking.name, person, "request", 0)
        timeout = min(self._terms.directory_timeout, call.remaining())
        permission = await self._rule.permits(action, actor, subject, timeout)
        if not permission.allowed:
            raise NotPermitted(permission.reason)

    async def person(self, call: CheckCall, requester: Requester) -> Person | None:
        """Return who asks, None for nobody the directory knows, or nobody in particular. Raises PolicyUnavailable."""
        if requester.shared:
            return None
        timeout = min(self._terms.directory_timeout, call.remaining())
        return await self._directory.person(requester.principal.identity, timeout)

    def binding(self, requirement: Requirement) -> Binding:
        """Return what a ticket of this requirement is bound to."""
        headers = self._terms.bound_headers | set(requirement.bind_headers)
        return Binding(headers, requirement.bind_body, requirement.body_ignores)

    def new_id(self, requester: Requester) -> str:
        """Return an id that nobody can guess, in the partition of whom the quotas count it for."""
        counted = requester.quota_key or str(requester.principal.identity)
        return ticket_id(partition_of_requester(counted, self._terms.partitions), self._terms.entropy(16))

    def _id_beside(self, ticket: str) -> str:
        # One script touches both; a caller without a name may have come from another address this time.
        return ticket_id(partition_of(ticket), self._terms.entropy(16))

    def body(self, request: GatedRequest) -> bytes:
        """Return what is kept of a body, for people to read."""
        return request.body[: self._terms.stored_body_bytes]

    @staticmethod
    def frozen(request: GatedRequest, binding: Binding) -> FrozenRequest:
        """Return the request as people will see it."""
        return FrozenRequest(
            method=request.method,
            scheme=request.scheme,
            host=request.host,
            path=request.path,
            query=request.query,
            headers=tuple(
                (name, value)
                for name, value in request.headers
                if name in binding.headers and name not in _NEVER_STORED
            ),
            body_size=len(request.body),
            body_checked=binding.body,
            source_address=request.source_address,
        )


def named(principal: Principal, person: Person | None) -> Principal:
    """Return the principal with a name to show, the directory's where its own is missing."""
    return Principal(principal.identity, principal.name or (person.name if person else ""))
