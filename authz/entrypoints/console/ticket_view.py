"""One ticket as a page shows it to one person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authz.adapters.cards.demand_words import alternatives_in_words, grant_in_words, scope_in_words
from authz.adapters.cards.wording import outcome
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.quorum import Progress
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.standing import standing
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.token import short_code
from authz.domain.voting import Ballot, cancel, cast, revoke, withdraw
from authz.entrypoints.console.body_view import BodyView, body_view
from authz.entrypoints.console.wire_headers import shown_headers

STATE_WORDS = {
    State.PENDING: "Waiting",
    State.APPROVED: "Approved",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired",
    State.USED_UP: "Used up",
    State.LAPSED: "Lapsed",
    State.CANCELLED: "Cancelled",
    State.SUPERSEDED: "Replaced",
    State.REVOKED: "Revoked",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a person may approve and reject now, and if not, why not: a stable code and a sentence."""

    may_approve: bool
    may_reject: bool
    code: str = ""
    sentence: str = ""

    @property
    def may_vote(self) -> bool:
        """Whether there is anything to decide for them."""
        return self.may_approve or self.may_reject


def verdict(ticket: Ticket, actor: Actor, now_ms: int, sign_in: SignInRules) -> Verdict:
    """Ask the domain's own rules what a vote by this person would meet, without casting it."""
    digest = ticket.draft.fingerprint.payload_digest
    may = {choice: _meets(ticket, actor, Ballot(choice, "?", digest), now_ms, sign_in) for choice in Choice}
    refused = may[Choice.APPROVE]
    return Verdict(
        may_approve=refused is None,
        may_reject=may[Choice.REJECT] is None,
        code=refused.code if refused else "",
        sentence=str(refused) if refused else "",
    )


def _meets(
    ticket: Ticket, actor: Actor, ballot: Ballot, now_ms: int, sign_in: SignInRules
) -> VoteRefused | None:
    try:
        counted = cast(ticket, actor, ballot, now_ms, sign_in)
    except VoteRefused as refused:
        return refused
    if counted.changed:
        return None
    done = "approved" if ballot.choice is Choice.APPROVE else "rejected"
    return VoteRefused("already-voted", f"You have {done} this.")


def _possible(action: Callable[[], object]) -> VoteRefused | None:
    """Return why the domain refuses an action, None where it doesn't."""
    try:
        action()
    except VoteRefused as refused:
        return refused
    return None


class TicketView:
    """What the templates ask of a ticket; everything in it is as untrusted as it was in the request."""

    def __init__(
        self, ticket: Ticket, actor: Actor, now_ms: int, sign_in: SignInRules, *, body: bytes | None = None
    ) -> None:
        """`body` is what is kept of the request's, for a page that shows it."""
        self._body = body
        self.ticket = ticket
        self.draft = ticket.draft
        self.request = ticket.draft.request
        self.requirement = ticket.draft.requirement
        self.now = now_ms
        self.state = ticket.state_at(now_ms)
        self.verdict = verdict(ticket, actor, now_ms, sign_in)
        self.sign_in_minutes = sign_in.max_age_ms // 60_000
        self._withdrawal = _possible(lambda: withdraw(ticket, actor, now_ms))
        self.may_withdraw = self._withdrawal is None
        self.may_cancel = _possible(lambda: cancel(ticket, actor, "", now_ms)) is None
        self.may_revoke = _possible(lambda: revoke(ticket, actor, "", now_ms)) is None

    @property
    def kept_vote(self) -> str:
        """Why one's own vote can't be taken back any more, where that isn't plain; empty elsewhere."""
        late = self._withdrawal is not None and self._withdrawal.code == "too-many-withdrawals"
        return str(self._withdrawal) if late else ""

    @property
    def high_risk(self) -> bool:
        """Whether a vote needs a strong and recent sign-in."""
        return self.requirement.risk is Risk.HIGH

    @property
    def demands(self) -> list[tuple[str, str, list[str]]]:
        """Each rule with its reason, and whom it asks: one text for each alternative."""
        return [
            (demand.rule, demand.reason, alternatives_in_words(demand)) for demand in self.requirement.demands
        ]

    @property
    def scope(self) -> str:
        """What an approval is good for besides this request, in words; empty for nothing."""
        return scope_in_words(self.requirement) if self.requirement.scope else ""

    @property
    def grant(self) -> str:
        """What an approval is good for, in words."""
        return grant_in_words(self.requirement)

    @property
    def replacement_code(self) -> str:
        """The short code of the ticket that took this one's place; empty where none did."""
        return short_code(self.ticket.replaced_by) if self.ticket.replaced_by else ""

    @property
    def pending(self) -> bool:
        """Whether people can still vote."""
        return self.state is State.PENDING

    @property
    def code(self) -> str:
        """The short code that the card shows, too."""
        return short_code(self.ticket.id)

    @property
    def state_word(self) -> str:
        """The state in a word."""
        return STATE_WORDS[self.state]

    @property
    def state_sentence(self) -> str:
        """What the state means for the request."""
        return "Nothing has run. It waits for people to decide." if self.pending else outcome(self.state)

    @property
    def progress(self) -> Progress:
        """How many approvals there are and are needed, and for whom it waits."""
        return standing(self.draft, self.ticket.votes)

    @property
    def digest(self) -> str:
        """The payload digest: what a vote from this page names."""
        return self.draft.fingerprint.payload_digest

    @property
    def body(self) -> BodyView:
        """The frozen body."""
        return body_view(self.ticket, self._body)

    @property
    def absent_headers(self) -> list[str]:
        """Names of the headers that must stay absent on the retry."""
        present = {name for name, _ in self.request.headers}
        return sorted(self.draft.fingerprint.binding.headers - present)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The bound headers that were present."""
        return shown_headers(self.request)
