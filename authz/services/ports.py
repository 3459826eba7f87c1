"""What the services need from outside, as protocols. Adapters implement them; bootstrap wires them.

Every call is bounded by `timeout` seconds or by the adapter's own setting, and raises only what it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from authz.domain.events import Event, EventType
from authz.domain.identity import Identity, Person
from authz.domain.request import CheckId
from authz.domain.ticket import State, Ticket, TicketDraft, Vote


@dataclass(frozen=True, slots=True)
class PolicyReply:
    """OPA's raw answer: the result document, and OPA's decision id where it gave one."""

    result: object
    decision_id: str


class PolicyEngine(Protocol):
    """Asks the policy about one request."""

    async def decide(self, document: Mapping[str, object], timeout: float) -> PolicyReply:
        """Evaluate the decision path with `document` as input.

        Raises PolicyUnavailable when OPA refused, hung or was cut off, PolicyMalformed when the decision is
        undefined or the answer is no JSON of OPA's.
        """
        ...


class Directory(Protocol):
    """Knows persons by their identities, with their groups of now."""

    async def person(self, identity: Identity, timeout: float) -> Person | None:
        """Return the person, None for a stranger or an ambiguous identity. Raises PolicyUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A ticket and Redis's time of the same moment (epoch ms)."""

    ticket: Ticket
    now: int


@dataclass(frozen=True, slots=True)
class Created:
    """What a create gave: the new ticket, or the one an equal request has already (`created` False)."""

    ticket: Ticket
    now: int
    created: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of tickets, newest first, Redis's time, and the cursor to go on with (empty at the end)."""

    tickets: Sequence[Ticket]
    now: int
    cursor: str


class RedeemResult(StrEnum):
    """`redeemed` and `replayed` let the request through; the others say why not."""

    REDEEMED = "redeemed"
    REPLAYED = "replayed"
    USED_UP = "used_up"
    LAPSED = "lapsed"
    NOT_APPROVED = "not_approved"
    CHANGED = "changed"
    UNKNOWN = "unknown"


class TicketStore(Protocol):
    """Tickets and their transitions. Every transition writes state, audit event and outbox entry in one step.

    Every method raises StoreUnavailable, and RecordUnreadable where it reads a record.
    """

    async def load(self, ticket_id: str) -> Loaded | None:
        """Return the ticket, None when there is none by this id."""
        ...

    async def create(self, draft: TicketDraft) -> Created:
        """Store a draft, or return the living (or recently rejected) ticket of an equal request instead.

        Raises TooManyTickets at a cap.
        """
        ...

    async def vote(
        self, ticket_id: str, rev: int, votes: Sequence[Vote], state: State, reason: Mapping[str, object]
    ) -> Loaded | None:
        """Replace the votes and set the state if the ticket is still pending at `rev`; else None.

        The last vote is the new one; Redis stamps its `at`. `reason` is the data of the event.
        """
        ...

    async def redeem(self, ticket_id: str, digest: str, check: CheckId, uses: int, window_ms: int) -> RedeemResult:
        """Take one use for this Check if the ticket is approved, in its window and has this fingerprint digest.

        `uses` and `window_ms` are what the policy grants now: the smaller of then and now counts, both from the
        approval on.
        """
        ...

    async def expire_due(self, limit: int) -> int:
        """End up to `limit` tickets whose deadline has passed; return how many."""
        ...

    async def page(self, state: State | None, limit: int, cursor: str) -> Page:
        """Return up to `limit` tickets, newest first; an empty `cursor` starts at the newest."""
        ...

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:
        """Return audit events after a position (`0` from the start), waiting up to `block_ms` for the first."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """One outbox entry in somebody's hands. `attempt` counts deliveries tried, this one included."""

    entry: str
    type: EventType
    ticket_id: str
    rev: int
    attempt: int


class Outbox(Protocol):
    """Notices that wait to be delivered: at least once, each leased to one notifier at a time."""

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        """Return new notices, and those whose lease ran out or whose retry is due. Raises StoreUnavailable."""
        ...

    async def renew(self, entries: Sequence[str]) -> None:
        """Prolong the lease of notices still being delivered."""
        ...

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        """Acknowledge and remember what each channel answered."""
        ...

    async def retry(self, notice: Notice, after_ms: int, why: str) -> None:
        """Give a notice back, to be taken again not before `after_ms` from now."""
        ...

    async def bury(self, notice: Notice, why: str) -> None:
        """Move a notice to the dead letters; its ticket stays as it is."""
        ...
