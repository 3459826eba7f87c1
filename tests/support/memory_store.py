"""Tickets in a dictionary, behind the services' TicketStore port: for tests that are about something else.

Transitions are those of the Redis store, one after the other. Time stands still until a test moves `now`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from authz.domain.errors import StoreUnavailable, TooManyTickets
from authz.domain.events import Event, EventType
from authz.domain.request import CheckId
from authz.domain.ticket import Ending, Redemption, State, Ticket, TicketDraft, Vote, Withdrawal
from authz.services.ports import Created, Loaded, Page, RedeemResult

START_MS = 1_800_000_000_000
_ENDS = {
    State.CANCELLED: (State.PENDING, EventType.TICKET_CANCELLED),
    State.REVOKED: (State.APPROVED, EventType.GRANT_REVOKED),
}


class MemoryStore:
    """`calls` names the methods called, in order. While `down` is set, every call raises StoreUnavailable."""

    def __init__(self, *, reject_cooldown_ms: int = 600_000, max_open: int = 1000) -> None:
        self.now = START_MS
        self.down = False
        self.calls: list[str] = []
        self.tickets: dict[str, Ticket] = {}
        self.bodies: dict[str, bytes] = {}
        self.log: list[Event] = []
        self._reject_cooldown_ms = reject_cooldown_ms
        self._max_open = max_open

    async def load(self, ticket_id: str) -> Loaded | None:
        self._called("load")
        ticket = self.tickets.get(ticket_id)
        return Loaded(ticket, self.now) if ticket else None

    async def body(self, ticket_id: str) -> bytes | None:
        self._called("body")
        return self.bodies.get(ticket_id)

    async def create(self, draft: TicketDraft, body: bytes = b"", check: CheckId | None = None) -> Created:
        self._called("create")
        for ticket in self.tickets.values():
            same = draft.answers_for and ticket.draft.answers_for == draft.answers_for
            used = ticket.state is State.USED_UP and any(use.check == check for use in ticket.redemptions)
            if same and (used or self._answers(ticket)):
                return Created(ticket, self.now, created=False)
        self._check_room()
        return self._opened(draft, body)

    async def supersede(
        self, ticket_id: str, rev: int, draft: TicketDraft, body: bytes = b""
    ) -> Created | None:
        self._called("supersede")
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.rev != rev or not ticket.state_at(self.now).live:
            return None
        if ticket.state is State.APPROVED:
            self._check_room()
        over = replace(ticket, rev=rev + 1, state=State.SUPERSEDED, ended_at=self.now, replaced_by=draft.id)
        self._put(over, EventType.TICKET_SUPERSEDED)
        return self._opened(draft, body)

    async def vote(
        self,
        ticket_id: str,
        rev: int,
        votes: Sequence[Vote],
        state: State,
        reason: Mapping[str, object],
        until: int | None = None,
    ) -> Loaded | None:
        self._called("vote")
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.rev != rev or ticket.state_at(self.now) is not State.PENDING:
            return None
        if until is not None and self.now > until:
            return None
        stamped = (*votes[:-1], replace(votes[-1], at=self.now))
        ticket = replace(ticket, rev=rev + 1, state=state, votes=stamped)
        events = [EventType.VOTE_RECORDED]
        if state is State.APPROVED:
            until = self.now + ticket.draft.requirement.valid_for_ms
            ticket = replace(ticket, approved_at=self.now, window_until=until)
            events.append(EventType.TICKET_APPROVED)
        elif state is State.REJECTED:
            cooldown = self.now + self._reject_cooldown_ms
            ticket = replace(ticket, ended_at=self.now, cooldown_until=cooldown)
            events.append(EventType.TICKET_REJECTED)
        self._put(ticket, *events, data=reason)
        return Loaded(ticket, self.now)

    async def withdraw(self, ticket_id: str, rev: int, person: str) -> Loaded | None:
        self._called("withdraw")
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.rev != rev or ticket.state_at(self.now) is not State.PENDING:
            return None
        votes = tuple(vote for vote in ticket.votes if vote.person != person)
        ticket = replace(
            ticket,
            rev=rev + 1,
            votes=votes,
            withdrawals=ticket.withdrawals + 1,
            withdrawn=(*ticket.withdrawn, Withdrawal(person, self.now)),
        )
        self._put(ticket, EventType.VOTE_WITHDRAWN)
        return Loaded(ticket, self.now)

    async def end(self, ticket_id: str, rev: int, state: State, ending: Ending) -> Loaded | None:
        self._called("end")
        before, event = _ENDS[state]
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.state_at(self.now) is not before:
            return None
        if before is State.PENDING and ticket.rev != rev:
            return None
        ticket = replace(ticket, rev=ticket.rev + 1, state=state, ended_at=self.now, ending=ending)
        self._put(ticket, event)
        return Loaded(ticket, self.now)

    async def redeem(
        self, ticket_id: str, digest: str, check: CheckId, uses: int, window_ms: int
    ) -> RedeemResult:
        self._called("redeem")
        ticket = self.tickets.get(ticket_id)
        if ticket is None:
            return RedeemResult.UNKNOWN
        if ticket.draft.fingerprint.digest == digest and ticket.replayable(check, self.now):
            counted = tuple(
                replace(use, replays=use.replays + 1) if use.check == check else use
                for use in ticket.redemptions
            )
            self.tickets[ticket_id] = replace(ticket, redemptions=counted)
            return RedeemResult.REPLAYED
        refused = self._refusal(ticket, digest, uses, window_ms)
        if refused is None:
            self._take_use(ticket, check)
        return refused or RedeemResult.REDEEMED

    async def expire_due(self, limit: int) -> int:
        self._called("expire_due")
        ends = {State.EXPIRED: EventType.TICKET_EXPIRED, State.LAPSED: EventType.GRANT_LAPSED}
        due = [
            one for one in self.tickets.values() if one.state.live and one.state_at(self.now) is not one.state
        ]
        for ticket in due[:limit]:
            state = ticket.state_at(self.now)
            self._put(replace(ticket, rev=ticket.rev + 1, state=state, ended_at=self.now), ends[state])
        return len(due[:limit])

    async def page(self, state: State | None, limit: int, cursor: str) -> Page:
        """The cursor is how many newer ones were returned already."""
        self._called("page")
        found = [one for one in reversed(self.tickets.values()) if state is None or one.state is state]
        start = int(cursor or 0)
        more = start + limit < len(found)
        return Page(found[start : start + limit], self.now, str(start + limit) if more else "")

    async def events(self, after: str, limit: int, block_ms: int) -> Sequence[Event]:  # noqa: ARG002 - never waits
        self._called("events")
        return self.log[int(after) :][:limit]

    async def last_position(self) -> str:
        self._called("last_position")
        return str(len(self.log))

    def _check_room(self) -> None:
        if sum(one.state_at(self.now) is State.PENDING for one in self.tickets.values()) >= self._max_open:
            scope = "total"
            raise TooManyTickets(scope, self._max_open)

    def _opened(self, draft: TicketDraft, body: bytes) -> Created:
        demand = draft.requirement
        ticket = Ticket(
            draft, 1, State.PENDING, self.now, self.now + demand.expires_in_ms, uses_left=demand.uses
        )
        if body:
            self.bodies[ticket.id] = body
        self._put(ticket, EventType.TICKET_CREATED)
        return Created(ticket, self.now, created=True)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            msg = "the test took the store down"
            raise StoreUnavailable(msg)

    def _answers(self, ticket: Ticket) -> bool:
        rejected = ticket.state is State.REJECTED and self.now < (ticket.cooldown_until or 0)
        return rejected or ticket.state_at(self.now).live

    def _refusal(self, ticket: Ticket, digest: str, uses: int, window_ms: int) -> RedeemResult | None:
        if ticket.state in {State.USED_UP, State.LAPSED}:
            return RedeemResult(ticket.state.value)
        if ticket.state is not State.APPROVED or ticket.approved_at is None or ticket.window_until is None:
            return RedeemResult.NOT_APPROVED
        if ticket.draft.fingerprint.digest != digest:
            return RedeemResult.CHANGED
        if self.now >= min(ticket.window_until, ticket.approved_at + window_ms):
            return RedeemResult.LAPSED
        if len(ticket.redemptions) >= min(uses, ticket.draft.requirement.uses):
            return RedeemResult.USED_UP
        return None

    def _take_use(self, ticket: Ticket, check: CheckId) -> None:
        used = replace(
            ticket,
            rev=ticket.rev + 1,
            uses_left=ticket.uses_left - 1,
            redemptions=(*ticket.redemptions, Redemption(check, self.now, 0)),
        )
        if used.uses_left:
            self._put(used, EventType.GRANT_REDEEMED)
        else:
            over = replace(used, state=State.USED_UP, ended_at=self.now)
            self._put(over, EventType.GRANT_REDEEMED, EventType.GRANT_USED_UP)

    def _put(self, ticket: Ticket, *types: EventType, data: Mapping[str, object] | None = None) -> None:
        self.tickets[ticket.id] = ticket
        for kind in types:
            position = str(len(self.log) + 1)
            self.log.append(Event(position, kind, ticket.id, ticket.rev, self.now, data or {}))
