"""What the services need from outside, as protocols. Adapters implement them; bootstrap wires them.

Every call is bounded by `timeout` seconds or by the adapter's own setting, and raises only what it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from authz.domain.break_glass import Review
from authz.domain.errors import HoldgateError
from authz.domain.events import Event, EventType
from authz.domain.follow_up import FollowUp
from authz.domain.identity import Identity, Person
from authz.domain.request import CheckId
from authz.domain.ticket import Ending, State, Ticket, TicketDraft, Vote


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

    async def body(self, ticket_id: str) -> bytes | None:
        """Return what is kept of the request's body; None where nothing is (any more), or never was."""
        ...

    async def create(self, draft: TicketDraft, body: bytes = b"", check: CheckId | None = None) -> Created:
        """Store a draft, or return the living (or recently rejected) ticket that answers for it instead.

        What answers for it is said by `draft.answers_for`; a draft without one always becomes a ticket of its own.
        `body` is what is to be kept of the request's body, for people to read. A ticket that this very `check` used up
        answers as well: Envoy has sent it again. Raises TooManyTickets at a cap, or
        beyond a creation rate.
        """
        ...

    async def supersede(
        self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
    ) -> Created | None:
        """End a living ticket in favour of a new one, in one step, if it is still at `rev`; else None.

        The new one is counted as by `create`, and takes the place of a pending one. Raises TooManyTickets as that
        does; the old ticket is then as it was.
        """
        ...

    async def vote(  # noqa: PLR0913, PLR0917 - which ticket at which revision, what becomes of it, and why
        self,
        ticket_id: str,
        rev: int,
        votes: Sequence[Vote],
        state: State,
        reason: Mapping[str, object],
        until: int | None = None,
    ) -> Loaded | None:
        """Replace the votes and set the state if the ticket is still pending at `rev`; else None.

        The last vote is the new one; Redis stamps its `at`, which must not be after `until` (epoch ms), else None as
        well. `reason` is the data of the event.
        """
        ...

    async def withdraw(self, ticket_id: str, rev: int, person: str) -> Loaded | None:
        """Take the vote of this person away if the ticket is still pending at `rev`; else None."""
        ...

    async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:
        """End a ticket by somebody's will; None when it isn't in the state to be ended so.

        `state` is CANCELLED for a pending ticket, which has to be at `rev`, and REVOKED for an approved one, whose uses
        meanwhile must not keep anybody from stopping it.
        """
        ...

    async def redeem(
        self, ticket_id: str, digest: str, check: CheckId, uses: int, window_ms: int
    ) -> RedeemResult:
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

    async def last_position(self) -> str:
        """Return the newest audit event's position, `0` when there is none: where a watcher of new ones starts."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """One outbox entry in somebody's hands. `attempt` counts deliveries tried, this one included.

    `rev` is the revision that the event made, or of a follow-up its own number (`domain.follow_up`). `again` says that
    it was given back or sent again, so that some channels may have it already, whatever `attempt` is. `at` is when the
    event happened (epoch ms by Redis), 0 where the outbox doesn't say it.
    """

    entry: str
    type: EventType
    ticket_id: str
    rev: int
    attempt: int
    again: bool = False
    at: int = 0


class Outbox(Protocol):
    """Notices that wait to be delivered: at least once, each leased to one notifier at a time.

    Every method raises StoreUnavailable.
    """

    async def take(self, limit: int, block_ms: int) -> Sequence[Notice]:
        """Return new notices, and those whose lease ran out or whose retry is due."""
        ...

    async def renew(self, entries: Sequence[str]) -> None:
        """Prolong the lease of notices still being delivered."""
        ...

    async def accepted(self, notice: Notice, channel: str, receipt: str) -> None:
        """Remember that one channel has this notice, so that a later attempt leaves that channel out."""
        ...

    async def receipts(self, notice: Notice) -> Mapping[str, str]:
        """Return the receipts by channel that `accepted` was told for this notice, in any attempt."""
        ...

    async def delivered(self, notice: Notice, receipt: Mapping[str, str]) -> None:
        """Acknowledge and remember what each channel answered."""
        ...

    async def schedule(self, notice: Notice, due: Sequence[FollowUp]) -> None:
        """Have notices about this one's ticket come when they are due, each of them once for ever.

        Whatever was scheduled before is left as it is, also when it came already.
        """
        ...

    async def retry(self, notice: Notice, after_ms: int, why: str, *, counted: bool = True) -> None:
        """Give a notice back, to be taken again, as a new entry, not before `after_ms` from now.

        `counted` is False when nothing was tried: the next take then reports the same `attempt` again.
        """
        ...

    async def bury(self, notice: Notice, why: str) -> None:
        """Move a notice to the dead letters; its ticket stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class Posting:
    """What a channel is told: the event, and the ticket as it is now (`now` is Redis's, epoch ms).

    `body` is what is kept of the request's body, where the posting is `opening`; None where nothing is (any more).
    `rev` is the revision that the event made, which the ticket may have left behind, or of a follow-up its own number
    (`domain.follow_up`). `copied` says that this channel is only told (`cc`): others are asked to decide. `elsewhere`
    says of an escalation that it asks others than this channel reaches. `designated` are the people whom the demand
    names and the directory knows, and who haven't voted, where people are asked or reminded.
    `happened_at` is when the event happened (epoch ms by Redis), 0 where nobody knows it any more.
    """

    type: EventType
    ticket: Ticket
    now: int
    body: bytes | None = None
    rev: int = 1
    copied: bool = False
    designated: tuple[Person, ...] = ()
    elsewhere: bool = False
    happened_at: int = 0

    @property
    def opening(self) -> bool:
        """Whether this asks people anew, and has to show all that is needed to judge."""
        return self.type is EventType.TICKET_CREATED or (
            self.type is EventType.TICKET_ESCALATED and not self.elsewhere
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a channel is told of a use of break-glass: the event, and the review as it is now (`now` is Redis's).

    `rev` is 1 for the use, and 2 for its review; `happened_at` is as in a Posting.
    """

    type: EventType
    review: Review
    now: int
    rev: int = 1
    happened_at: int = 0


class ChannelFailed(HoldgateError):
    """A channel didn't take a posting. The message is for operators and never holds a secret address."""


class DeliveryDelayed(ChannelFailed):
    """Worth trying again, but not before `after_s` seconds (0 when the channel named no time).

    `tried` is False when nothing was sent, because the channel had asked for a pause before.
    """

    def __init__(self, message: str, after_s: float = 0.0, *, tried: bool = True) -> None:
        super().__init__(message)
        self.after_s = after_s
        self.tried = tried


class DeliveryRefused(ChannelFailed):
    """Trying again would give the same answer: the address or the posting is wrong."""


class Channel(Protocol):
    """A way to reach approvers."""

    @property
    def events(self) -> frozenset[EventType]:
        """The events that this channel posts something for."""
        ...

    async def send(self, posting: Posting) -> str:
        """Post, and return the channel's receipt: its message id, or a word when it has none.

        Raises DeliveryDelayed and DeliveryRefused.
        """
        ...

    async def alarm(self, alarm: Alarm) -> str:
        """Post that somebody broke the glass, or that it was reviewed; else as `send`."""
        ...


class DeliveryObserver(Protocol):
    """Is told what delivery does, for metrics and logs. Must not raise."""

    def posted(self, notice: Notice, channel: str, seconds: float) -> None:
        """One channel took a notice, after so many seconds."""
        ...

    def failed(self, notice: Notice, channel: str, error: ChannelFailed) -> None:
        """One channel didn't take a notice; it is tried again, or buried, which is told apart.

        `channel` is empty where none was asked, because another notice of the ticket is in hand for long.
        """
        ...

    def buried(self, notice: Notice, why: str) -> None:
        """Nobody will try this notice again unless an operator does: an alert."""
        ...

    def unknown_route(self, notice: Notice, route: str) -> None:
        """The ticket names a route that the settings don't have (any more); the default route is taken."""
        ...

    def directory_failed(self, notice: Notice, error: Exception) -> None:
        """The directory didn't say who the people are whom the demand names: the card mentions none of them."""
        ...

    def crashed(self, notice: Notice, error: Exception) -> None:
        """A notice met a bug; it stays leased, and is tried again when the lease has run out."""
        ...

    def store_failed(self, doing: str, error: Exception) -> None:
        """Redis didn't answer while delivery was `doing` something; it goes on by itself."""
        ...
