"""One ticket as a page shows it to one person."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.quorum import Progress, progress
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.token import short_code
from authz.domain.voting import Ballot, cast
from authz.entrypoints.console.body_view import BodyView, body_view

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

STATE_SENTENCES = {
    State.PENDING: "Nothing has run. It waits for people to decide.",
    State.APPROVED: "Nothing has run yet. It runs when it is sent again, if the policy still agrees.",
    State.REJECTED: "It did not run, and sending it again does not change that.",
    State.EXPIRED: "It did not run: not enough people approved it in time.",
    State.USED_UP: "It was approved, and was sent through as often as the approval was given for.",
    State.LAPSED: "It was approved, and the time to use the approval has passed.",
    State.CANCELLED: "It did not run: who asked for it took it back.",
    State.SUPERSEDED: "The policy asks for something else by now, so another ticket has taken its place.",
    State.REVOKED: "It was approved, and the approval was taken back.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a person may vote now, and if not, why not, in a sentence."""

    may_vote: bool
    sentence: str


def verdict(ticket: Ticket, actor: Actor, now_ms: int, sign_in: SignInRules) -> Verdict:
    """Ask the domain's own rules what an approval by this person would meet, without casting it."""
    ballot = Ballot(Choice.APPROVE, "", ticket.draft.fingerprint.payload_digest)
    try:
        counted = cast(ticket, actor, ballot, now_ms, sign_in)
    except VoteRefused as refused:
        return Verdict(may_vote=False, sentence=str(refused))
    if not counted.changed:
        return Verdict(may_vote=False, sentence="You have approved this.")
    return Verdict(may_vote=True, sentence="")


def may_view(ticket: Ticket, actor: Actor) -> bool:
    """Say whether somebody may look: people whom the directory knows, and the requester."""
    return actor.person is not None or actor.identity == ticket.draft.requester.identity


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
        return STATE_SENTENCES[self.state]

    @property
    def progress(self) -> Progress:
        """How many approvals there are and are needed, and for whom it waits."""
        known = self.draft.requester_person is not None
        return progress(self.requirement, self.ticket.votes, requester_known=known)

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
        """The bound headers that were present, with bytes outside UTF-8 carried as PEP 383 does."""
        return [(name, value.decode("utf-8", "surrogateescape")) for name, value in self.request.headers]
