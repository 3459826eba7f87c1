"""What one vote does to a ticket. Rules that no policy can switch off live here."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.quorum import admits, progress
from authz.domain.ticket import Choice, State, Ticket, Vote

COMMENT_MAX = 500


@dataclass(frozen=True, slots=True)
class Ballot:
    """What somebody asks for: the choice, a comment, and the payload digest of what they were shown."""

    choice: Choice
    comment: str
    shown_digest: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The result of a vote: all votes now, the state now. `changed` is False for the same vote given again."""

    votes: tuple[Vote, ...]
    state: State
    changed: bool


def cast(ticket: Ticket, actor: Actor, ballot: Ballot, now_ms: int) -> Counted:
    """Count one vote. Raises VoteRefused with a code and a sentence for the voter.

    The requester never votes, a person counts once, a rejection ends it, and a vote on anything else than what
    was shown doesn't count.
    """
    person = _eligible(ticket, actor)
    earlier = next((vote for vote in ticket.votes if vote.person == person), None)
    if earlier is not None and earlier.choice is ballot.choice:
        return Counted(ticket.votes, ticket.state, changed=False)
    state = ticket.state_at(now_ms)
    if state is not State.PENDING:
        code = "already-decided"
        raise VoteRefused(code, f"This ticket is already {state.value.replace('_', ' ')}.")
    if earlier is not None:
        code = "already-voted"
        raise VoteRefused(code, f"You already chose to {earlier.choice.value} this.")
    _check_ballot(ticket, ballot)
    vote = Vote(
        choice=ballot.choice,
        person=person,
        identity=actor.identity,
        name=actor.name,
        groups=tuple(sorted(actor.groups)),
        groups_source=actor.person.source if actor.person else "",
        method=actor.method,
        signed_in_at=actor.signed_in_at,
        at=now_ms,
        comment=ballot.comment,
        shown_digest=ballot.shown_digest,
    )
    votes = (*ticket.votes, vote)
    if ballot.choice is Choice.REJECT:
        return Counted(votes, State.REJECTED, changed=True)
    known = ticket.draft.requester_person is not None
    done = progress(ticket.draft.requirement, votes, requester_known=known).complete
    return Counted(votes, State.APPROVED if done else State.PENDING, changed=True)


def _eligible(ticket: Ticket, actor: Actor) -> str:
    """Return the person's id, or refuse: strangers, the requester, and people whom nobody asked."""
    draft = ticket.draft
    requester = actor.identity == draft.requester.identity
    if actor.person is not None and actor.person.id == draft.requester_person:
        requester = True
    if requester:
        code = "own-request"
        raise VoteRefused(code, "You asked for this yourself, so somebody else has to decide.")
    if actor.person is None:
        code = "unknown-person"
        raise VoteRefused(code, "The directory doesn't know you, so your vote can't count.")
    if not admits(draft.requirement, actor):
        code = "not-an-approver"
        raise VoteRefused(code, "This rule asks for other people than you.")
    return actor.person.id


def _check_ballot(ticket: Ticket, ballot: Ballot) -> None:
    if ballot.shown_digest != ticket.draft.fingerprint.payload_digest:
        code = "stale-view"
        raise VoteRefused(code, "What you were shown is not what this ticket holds. Open it again and look.")
    if len(ballot.comment) > COMMENT_MAX:
        code = "comment-too-long"
        raise VoteRefused(
            code, f"The comment has {len(ballot.comment)} characters; {COMMENT_MAX} is the limit."
        )
    if ballot.choice is Choice.REJECT and not ballot.comment.strip():
        code = "comment-missing"
        raise VoteRefused(code, "Say in a few words why you reject it; the requester will read that.")
