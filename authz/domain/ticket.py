"""One held request: its states, and everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from authz.domain.fingerprint import Fingerprint, scope_digest
from authz.domain.identity import Identity, Principal
from authz.domain.request import CheckId
from authz.domain.requirement import Requirement

REPLAY_WINDOW_MS = 10_000
REPLAYS_MAX = 3


class State(StrEnum):
    """Pending and approved live, the others absorb.

    pending → approved | rejected | expired | cancelled | superseded;
    approved → used_up | lapsed | revoked | superseded.
    """

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    USED_UP = "used_up"
    LAPSED = "lapsed"
    REVOKED = "revoked"

    @property
    def live(self) -> bool:
        """Whether the ticket can still change."""
        return self in {State.PENDING, State.APPROVED}


class Choice(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote, with all that an auditor asks later.

    `person` is the directory's id. `groups` are those at the vote, `groups_source` where they came from. `at` is
    epoch ms by Redis. `shown_digest` is the payload digest of what the voter was shown. `linked` says whether the
    directory knows all accounts of this person; without it two votes from different namespaces can't be told apart.
    """

    choice: Choice
    person: str
    identity: Identity
    name: str
    groups: tuple[str, ...]
    groups_source: str
    method: str
    signed_in_at: int
    at: int
    comment: str
    shown_digest: str
    linked: bool = True


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Whose vote was taken back (the directory's id), and when (epoch ms by Redis)."""

    person: str
    at: int


@dataclass(frozen=True, slots=True)
class Ending:
    """Who cancelled or revoked a ticket, and why in their words. `person` is empty for somebody unknown."""

    identity: Identity
    name: str
    person: str
    method: str
    comment: str


@dataclass(frozen=True, slots=True)
class Redemption:
    """One use of the grant, counted once per Check: `replays` says how often the same Check came again."""

    check: CheckId
    at: int
    replays: int


@dataclass(frozen=True, slots=True)
class FrozenRequest:
    """The request as it was held, for people to judge and for auditors.

    `headers` are the bound headers that were present; authorization and cookie are never among them. Its body of
    `body_size` bytes lies beside the ticket, as far as it is kept. `body_checked` is False when the rule left the
    body unbound.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str | None
    headers: tuple[tuple[str, bytes], ...]
    body_size: int
    body_checked: bool
    source_address: str

    @property
    def target(self) -> str:
        """The raw request target: path and query as sent."""
        return self.path if self.query is None else f"{self.path}?{self.query}"


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """A ticket before Redis stamped it: everything that never changes afterwards.

    `requester_person` is the directory's id of the requester, None for one the directory doesn't know, and
    `requester_linked` says whether the directory knows which other accounts that person has.
    `held_status` is the HTTP status that the client gets while it is held. `justification` is the requester's own
    text, untrusted. `quota_key` is whom the quotas count it for: the requester, or the source address where there is
    no requester of one's own (`shared`), whose equal requests are not taken for one.
    """

    id: str
    requester: Principal
    requester_person: str | None
    requirement: Requirement
    fingerprint: Fingerprint
    request: FrozenRequest
    held_status: int
    justification: str = ""
    quota_key: str = ""
    shared: bool = False
    requester_linked: bool = True

    @property
    def requester_known(self) -> bool:
        """Whether the requester would be recognised in every voter; else one of them may be the requester."""
        return self.requester_person is not None and self.requester_linked

    @property
    def answers_for(self) -> str:
        """The digest of what gets this same ticket while it lives; empty where nothing else does."""
        if self.shared:
            return ""
        scope = self.requirement.scope
        if not scope:
            return self.fingerprint.digest
        return scope_digest(self.requester.identity, self.requirement.rule, scope)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A stored ticket. Times are epoch ms by Redis, None where the thing has not happened.

    `rev` counts transitions. `window_until` ends the grant. `ended_at` is when a terminal state was reached, and
    `cooldown_until` until when an equal request is answered with this rejection. `votes` are those that count, none
    that was withdrawn; `withdrawals` says how many were, and `withdrawn` those of which it is known by whom (the
    release before wrote none). `ending` is there for a cancelled or revoked ticket, and `replaced_by` is the id of the
    ticket that superseded this one.
    """

    draft: TicketDraft
    rev: int
    state: State
    created_at: int
    expires_at: int
    approved_at: int | None = None
    window_until: int | None = None
    uses_left: int = 0
    ended_at: int | None = None
    cooldown_until: int | None = None
    votes: tuple[Vote, ...] = ()
    redemptions: tuple[Redemption, ...] = ()
    withdrawals: int = 0
    withdrawn: tuple[Withdrawal, ...] = ()
    ending: Ending | None = None
    replaced_by: str = ""

    @property
    def id(self) -> str:
        """The public id."""
        return self.draft.id

    def state_at(self, now_ms: int) -> State:
        """Return the state by the clock: past its deadline a ticket is over, whether or not that is stored yet."""
        if self.state is State.PENDING and now_ms >= self.expires_at:
            return State.EXPIRED
        if self.state is State.APPROVED and self.window_until is not None and now_ms >= self.window_until:
            return State.LAPSED
        return self.state

    def replayable(self, check: CheckId, now_ms: int) -> bool:
        """Say whether this very Check has been counted already and may be answered alike once more.

        Never once the ticket was taken back or replaced.
        """
        kept = self.state in {State.APPROVED, State.USED_UP, State.LAPSED}
        return (
            kept
            and bool(check.http_id)
            and any(
                use.check == check and use.replays < REPLAYS_MAX and now_ms - use.at <= REPLAY_WINDOW_MS
                for use in self.redemptions
            )
        )
