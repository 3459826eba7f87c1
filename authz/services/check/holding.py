"""Opening a ticket for a request that needs a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authz.domain.answer import Kind
from authz.domain.decision import Decision, Hold
from authz.domain.errors import PolicyMalformed
from authz.domain.fingerprint import Binding, take_fingerprint
from authz.domain.identity import Principal
from authz.domain.quorum import attainable
from authz.domain.request import GatedRequest
from authz.domain.requirement import Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.ticket import FrozenRequest, State, TicketDraft
from authz.domain.token import TokenMint, partition_of_requester, ticket_id
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.requesters import Requesters
from authz.services.check.responses import about
from authz.services.ports import Directory, TicketStore

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


class Holding:
    """Turns a demand into a ticket, or finds the one that an equal request has already."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one collaborator, named at the only call
        self,
        store: TicketStore,
        directory: Directory,
        mint: TokenMint,
        parser: RequirementParser,
        requesters: Requesters,
        terms: HoldTerms,
    ) -> None:
        """Take the collaborators."""
        self._store = store
        self._directory = directory
        self._mint = mint
        self._parser = parser
        self._requesters = requesters
        self._terms = terms

    async def hold(self, call: CheckCall, decision: Decision, hold: Hold, decision_id: str) -> Outcome:
        """Hold the request and answer with its ticket.

        Raises PolicyMalformed, PrincipalUnknown, BodyNotVisible, BytesHidden, TooManyTickets, PolicyUnavailable and
        StoreUnavailable; in each case nothing was stored.
        """
        if not call.request.method or not call.request.path:
            msg = "approval: only HTTP requests can be held, and this check has no method or no path"
            raise PolicyMalformed(msg)
        requirement = self._parser.parse(hold.demand)
        requester = self._requesters.of_hold(call.request, decision.requester)
        fingerprint = take_fingerprint(
            call.request, requester.identity, self._terms.decision_path, self.binding(requirement)
        )
        person = await self._directory.person(
            requester.identity, min(self._terms.directory_timeout, call.remaining())
        )
        if not attainable(requirement, requester.identity, requester_known=person is not None):
            msg = (
                f"rule {requirement.rule}: approval.approvers: nobody could give that to {requester.identity}"
            )
            raise PolicyMalformed(msg)
        draft = TicketDraft(
            id=self._new_id(requester),
            requester=Principal(requester.identity, requester.name or (person.name if person else "")),
            requester_person=person.id if person else None,
            requirement=requirement,
            fingerprint=fingerprint,
            request=self._frozen(call.request, fingerprint.binding),
            held_status=hold.status or self._terms.held_status,
        )
        created = await self._store.create(draft, call.request.body[: self._terms.stored_body_bytes])
        ticket = created.ticket
        live = ticket.state_at(created.now) in {State.PENDING, State.APPROVED}
        return Outcome(
            kind=Kind.HOLD if live else Kind.REFUSE,
            answer=about(ticket, created.now, self._mint.mint(ticket.id), self._terms.public_url),
            decision_id=decision_id,
            ticket_id=ticket.id,
            rule=ticket.draft.requirement.rule,
            principal=str(requester.identity),
            detail="new ticket" if created.created else "same ticket",
            metadata=decision.dynamic_metadata,
        )

    def binding(self, requirement: Requirement) -> Binding:
        """Return what a ticket of this requirement is bound to."""
        return Binding(self._terms.bound_headers | set(requirement.bind_headers), requirement.bind_body)

    def _new_id(self, requester: Principal) -> str:
        partition = partition_of_requester(str(requester.identity), self._terms.partitions)
        return ticket_id(partition, self._terms.entropy(16))

    def _frozen(self, request: GatedRequest, binding: Binding) -> FrozenRequest:
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
