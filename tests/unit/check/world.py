"""A check service over a store in memory, a policy that says what a test wants, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from typing import Any

import orjson

from authz.domain.answer import Forward, Respond
from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlassParser
from authz.domain.errors import PolicyUnavailable
from authz.domain.fingerprint import always_bound
from authz.domain.identity import Identity, Person
from authz.domain.limits import RequirementLimits
from authz.domain.principal_source import parse_principal_source
from authz.domain.request import CheckId, GatedRequest
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, Ticket
from authz.domain.token import TicketKey, TokenMint
from authz.domain.voting import Ballot
from authz.services.check.breaking_glass import BreakingGlass
from authz.services.check.call import CheckCall, Outcome
from authz.services.check.drafting import Drafting, HoldTerms
from authz.services.check.failures import failure
from authz.services.check.holding import Holding
from authz.services.check.own_resources import OwnResources
from authz.services.check.policy import Policy
from authz.services.check.redeeming import Redeeming
from authz.services.check.requesters import Requesters
from authz.services.check.service import CheckService
from authz.services.check.sufficiency import Sufficiency
from authz.services.check.superseding import Superseding
from authz.services.check.taking_back import TakingBack
from authz.services.check.telling import Telling
from authz.services.permissions import BuiltInRule, VoteRule
from authz.services.ports import PolicyReply, TicketStore
from authz.services.ticket_status import TicketStatus
from authz.services.voting import SignedIn, VotingService
from tests.support.gated_requests import ISSUER, NAMESPACE, TIME_NS, gated, with_headers
from tests.support.memory_reviews import MemoryReviews
from tests.support.memory_store import MemoryStore

TICKET = "x-approval-ticket"
DECISION_PATH = "envoy/authz/allow"
PUBLIC_URL = "http://127.0.0.1:8088"
GROUPS = {"alice": ["sre"], "bob": ["sre"], "carol": ["sre", "security"], "dave": ["dev"]}
JWT = f"metadata:{NAMESPACE}/jwt/sub"
DEMAND: dict[str, Any] = {
    "rule": "delete-production",
    "reason": "deletes a production resource",
    "approvers": [{"group": "sre"}],
}
HOLD: dict[str, Any] = {"allowed": False, "approval": DEMAND}
DOCUMENT: dict[str, object] = {"parsed_path": ["resources", "db-orders"]}

Result = Callable[[Mapping[str, object]], object]


def demanding(**more: object) -> dict[str, Any]:
    """Return a hold with a demand like DEMAND, and more."""
    return {"allowed": False, "approval": {**DEMAND, **more}}


class ScriptedPolicy:
    """Answers `result`, or what it returns for the document, or raises it. `asked` has every document."""

    def __init__(self, result: object) -> None:
        self.result = result
        self.asked: list[dict[str, Any]] = []
        self.timeouts: list[float] = []

    async def decide(self, document: Mapping[str, object], timeout: float) -> PolicyReply:
        # As OPA gets it: what can't be sent is an error here, too.
        self.asked.append(orjson.loads(orjson.dumps(document)))
        self.timeouts.append(timeout)
        result = self.result(document) if callable(self.result) else self.result
        if isinstance(result, Exception):
            raise result
        return PolicyReply(result, f"decision-{len(self.asked)}")


class People:
    """The directory: everybody in GROUPS as `NAME-1` of ISSUER."""

    def __init__(self) -> None:
        self.down = False
        self.strangers: set[str] = set()
        self.unlinked: set[str] = set()

    async def person(self, identity: Identity, timeout: float) -> Person | None:  # noqa: ARG002 - answers at once
        if self.down:
            raise PolicyUnavailable("the test took the directory down")
        name = identity.id.removesuffix("-1")
        if identity.ns != ISSUER or name not in GROUPS or name in self.strangers:
            return None
        return Person(name, name, frozenset(GROUPS[name]), "test", linked=name not in self.unlinked)


@dataclass
class World:
    """Everything behind one check server. `sources` and the rest are settings; change them before `service`."""

    policy: ScriptedPolicy = field(default_factory=lambda: ScriptedPolicy(HOLD))
    memory: MemoryStore = field(default_factory=MemoryStore)
    store: TicketStore | None = None
    people: People = field(default_factory=People)
    sources: Sequence[str] = (JWT,)
    shared: frozenset[str] = frozenset()
    anonymous: bool = False
    sign_in: SignInRules = field(default_factory=lambda: SignInRules(frozenset({"strong"})))
    rule: VoteRule = field(default_factory=BuiltInRule)
    reviews: MemoryReviews = field(default_factory=MemoryReviews)
    bind_headers: Sequence[str] = ("x-tenant",)
    held_status: int = 202
    stored_body_bytes: int = 16_384
    partitions: int = 1
    default_approvers: tuple[Approver, ...] = (Approver(ApproverKind.GROUP, "sre"),)
    clock: float = 0.0
    budget: float = 0.5
    mint: TokenMint = field(default_factory=lambda: TokenMint([TicketKey("k1", b"k" * 32)]))
    _numbers: Any = field(default_factory=count)

    def service(self) -> CheckService:
        store = self.store or self.memory
        policy = Policy(self.policy, timeout=0.15)
        routes = frozenset({"default"})
        parser = RequirementParser(RequirementDefaults(self.default_approvers), RequirementLimits(), routes)
        requesters = Requesters(
            [parse_principal_source(text) for text in self.sources], self.shared, anonymous=self.anonymous
        )
        terms = HoldTerms(
            decision_path=DECISION_PATH,
            bound_headers=always_bound(self.bind_headers),
            held_status=self.held_status,
            stored_body_bytes=self.stored_body_bytes,
            public_url=PUBLIC_URL,
            directory_timeout=0.15,
            partitions=self.partitions,
            entropy=lambda size: sha256(b"%d" % next(self._numbers)).digest()[:size],
        )
        drafting = Drafting(self.people, self.rule, requesters, terms)
        holding = Holding(store, drafting, self.mint, parser, PUBLIC_URL)
        breaking_glass = BreakingGlass(
            self.reviews, drafting, requesters, BreakGlassParser(RequirementLimits(), routes), terms
        )
        telling = Telling(store, self.mint, PUBLIC_URL)
        redeeming = Redeeming(
            store,
            policy,
            self.mint,
            parser,
            requesters,
            breaking_glass,
            Sufficiency(drafting, self.sign_in),
            Superseding(store, holding, telling),
            telling,
            terms.decision_path,
        )
        voting = VotingService(store, self.people, self.rule, self.sign_in, timeout=0.15)
        own_resources = OwnResources(
            TicketStatus(store, self.mint, PUBLIC_URL),
            TakingBack(store, policy, requesters, voting, PUBLIC_URL),
        )
        return CheckService(policy, holding, redeeming, breaking_glass, own_resources)

    async def check(self, request: GatedRequest | None = None, *tokens: str) -> Outcome:
        """Judge a request that carries these tickets; errors come out as the handler answers them."""
        call = CheckCall(
            with_headers(request or gated(), *((TICKET, token.encode()) for token in tokens)),
            DOCUMENT,
            self.clock + self.budget,
            lambda: self.clock,
        )
        try:
            return await self.service().check(call)
        except Exception as error:  # noqa: BLE001 - as the handler does
            return failure(error)

    async def held(self, request: GatedRequest | None = None) -> str:
        """Hold a request and return its token."""
        token: str = body(await self.check(request))["token"]
        return token

    async def approved(self, request: GatedRequest | None = None, *by: str) -> str:
        """Hold a request, have it approved (by bob, if nobody is named), and return its token."""
        token = await self.held(request)
        for name in by or ("bob",):
            await self.vote(token, name)
        return token

    async def vote(
        self,
        token: str,
        name: str,
        choice: Choice = Choice.APPROVE,
        comment: str = "",
        method: str = "demo",
    ) -> None:
        """Have somebody vote on what they were shown."""
        held = self.ticket(token)
        ballot = Ballot(choice, comment, held.draft.fingerprint.payload_digest)
        who = SignedIn(Identity(ISSUER, f"{name}-1"), name, method, self.memory.now)
        await VotingService(self.memory, self.people, BuiltInRule(), self.sign_in, timeout=1).vote(
            held.id, who, ballot
        )

    def ticket(self, token: str) -> Ticket:
        identifier = self.mint.verify(token)
        assert identifier is not None
        return self.memory.tickets[identifier]

    def change(self, token: str, **changes: Any) -> None:  # noqa: ANN401 - any field
        """Change a stored ticket behind everybody's back."""
        held = self.ticket(token)
        self.memory.tickets[held.id] = replace(held, **changes)


def body(outcome: Outcome) -> dict[str, Any]:
    """Return the JSON of an answer to the client."""
    assert isinstance(outcome.answer, Respond), outcome
    parsed: dict[str, Any] = orjson.loads(outcome.answer.body)
    return parsed


def headers(outcome: Outcome) -> dict[str, str]:
    """Return the headers that the client gets, or those that the upstream gets on an allow."""
    if isinstance(outcome.answer, Forward):
        return dict(outcome.answer.mutations.headers)
    return dict(outcome.answer.headers)


def status(outcome: Outcome) -> int:
    """Return the client's status, 0 for a forwarded request."""
    return 0 if isinstance(outcome.answer, Forward) else outcome.answer.status


def allow_when_approved(document: Mapping[str, object]) -> object:
    """Say yes to an approved request, and hold any other."""
    return {"allowed": True} if "approval" in document else HOLD


def retry(request: GatedRequest | None = None, number: int = 1) -> GatedRequest:
    """Return the same request as the client sends it again: another stream of Envoy's."""
    return replace(request or gated(), check_id=CheckId(f"retry-{number}", TIME_NS + number))


AGAIN = retry()
