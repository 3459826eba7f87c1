"""What the design says of tickets, in a few lines of Python without a database: the model to compare with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from authz.domain.events import Event, EventType
from authz.domain.ticket import Choice, State
from authz.services.ports import RedeemResult
from tests.integration.redis.drafts import MINUTE

EXPIRES_IN = 30 * MINUTE
VALID_FOR = 15 * MINUTE
COOLDOWN = 10 * MINUTE
REPLAY_WINDOW = 10_000
REPLAYS = 3
WITHDRAWALS = 20
WITHDRAWALS_PER_PERSON = 5


@dataclass
class ModelTicket:
    """One ticket. Times are epoch ms."""

    id: str
    uses: int
    seats: int
    created_at: int
    state: State = State.PENDING
    rev: int = 1
    voters: list[str] = field(default_factory=list)
    cast: int = 0
    withdrawals: int = 0
    withdrawn_by: list[str] = field(default_factory=list)
    replaced_by: str = ""
    approved_at: int = 0
    decided_at: int = 0
    taken: int = 0
    counted: list[list[int]] = field(default_factory=list)

    def answers(self, now: int) -> bool:
        """Whether an equal request gets this ticket instead of a new one."""
        match self.state:
            case State.PENDING:
                return now < self.created_at + EXPIRES_IN
            case State.APPROVED:
                return now < self.approved_at + VALID_FOR
            case State.REJECTED:
                return now < self.decided_at + COOLDOWN
            case _:
                return False

    def state_at(self, now: int) -> State:
        """The state by the clock."""
        if self.state is State.PENDING and now >= self.created_at + EXPIRES_IN:
            return State.EXPIRED
        if self.state is State.APPROVED and now >= self.approved_at + VALID_FOR:
            return State.LAPSED
        return self.state

    def vote(self, choice: Choice, person: str, now: int) -> State | None:
        """The state that a vote leads to, None when it comes too late."""
        if self.state_at(now) is not State.PENDING:
            return None
        self.voters.append(person)
        self.cast += 1
        self.rev += 1
        if choice is Choice.REJECT:
            self.state, self.decided_at = State.REJECTED, now
        elif len(self.voters) == self.seats:
            self.state, self.approved_at = State.APPROVED, now
        return self.state

    def withdraw(self, person: str, now: int) -> bool:
        """Whether this person's vote is taken away: only while nothing is decided, and only so often."""
        if (
            self.state_at(now) is not State.PENDING
            or person not in self.voters
            or self.withdrawals >= WITHDRAWALS
            or self.withdrawn_by.count(person) >= WITHDRAWALS_PER_PERSON
        ):
            return False
        self.voters.remove(person)
        self.withdrawals += 1
        self.withdrawn_by.append(person)
        self.rev += 1
        return True

    def end(self, to: State, now: int) -> bool:
        """Whether somebody's will ends it: what waits is cancelled or replaced, a grant revoked or replaced."""
        wanted = {State.CANCELLED: {State.PENDING}, State.REVOKED: {State.APPROVED}}
        if self.state_at(now) not in wanted.get(to, {State.PENDING, State.APPROVED}):
            return False
        self.state = to
        self.rev += 1
        return True

    def redeem(self, check: int, uses: int, window: int, now: int, *, same: bool) -> RedeemResult:
        """What a Check gets that asks for a use."""
        if self.state in {State.REVOKED, State.SUPERSEDED}:
            return RedeemResult.NOT_APPROVED
        for count in self.counted:
            if same and count[0] == check and count[2] < REPLAYS and now - count[1] <= REPLAY_WINDOW:
                count[2] += 1
                return RedeemResult.REPLAYED
        obstacles = (
            (self.state is State.USED_UP, RedeemResult.USED_UP),
            (self.state is State.LAPSED, RedeemResult.LAPSED),
            (self.state is not State.APPROVED, RedeemResult.NOT_APPROVED),
            (not same, RedeemResult.CHANGED),
            (now >= self.approved_at + min(VALID_FOR, window), RedeemResult.LAPSED),
            (self.taken >= min(self.uses, uses), RedeemResult.USED_UP),
        )
        for found, answer in obstacles:
            if found:
                return answer
        self.taken += 1
        self.rev += 1
        self.counted.append([check, now, 0])
        if self.taken == self.uses:
            self.state = State.USED_UP
        return RedeemResult.REDEEMED

    def sweep(self, now: int) -> bool:
        """End what is overdue; say whether anything was."""
        if self.state is State.PENDING and now >= self.created_at + EXPIRES_IN:
            self.state = State.EXPIRED
        elif self.state is State.APPROVED and now >= self.approved_at + VALID_FOR:
            self.state = State.LAPSED
        else:
            return False
        self.rev += 1
        return True


_LEADS_TO = {
    EventType.TICKET_CREATED: State.PENDING,
    EventType.TICKET_APPROVED: State.APPROVED,
    EventType.TICKET_REJECTED: State.REJECTED,
    EventType.TICKET_EXPIRED: State.EXPIRED,
    EventType.GRANT_USED_UP: State.USED_UP,
    EventType.GRANT_LAPSED: State.LAPSED,
    EventType.TICKET_CANCELLED: State.CANCELLED,
    EventType.TICKET_SUPERSEDED: State.SUPERSEDED,
    EventType.GRANT_REVOKED: State.REVOKED,
}


def replayed(events: Iterable[Event]) -> dict[str, tuple[State, int, int, int, str]]:
    """State, rev, votes that count, uses taken and successor of every ticket, as the audit alone tells it."""
    found: dict[str, tuple[State, int, int, int, str]] = {}
    for event in events:
        state, _, votes, taken, successor = found.get(event.ticket_id, (State.PENDING, 0, 0, 0, ""))
        votes += (event.type is EventType.VOTE_RECORDED) - (event.type is EventType.VOTE_WITHDRAWN)
        taken += event.type is EventType.GRANT_REDEEMED
        successor = str(event.data.get("replaced_by", successor))
        found[event.ticket_id] = (_LEADS_TO.get(event.type, state), event.rev, votes, taken, successor)
    return found
