"""What one person's action does to a ticket. Rules that no policy can switch off live here."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.quorum import admits
from authz.domain.sign_in import SignInRules
from authz.domain.standing import standing
from authz.domain.ticket import Choice, Ending, State, Ticket, Vote

COMMENT_MAX = 500
VOTES_MAX = 100
"""Per ticket; five times the most seats that a demand has by default. A rejection always has room."""

WITHDRAWALS_MAX = 20
"""Per ticket. Each is an event for the audit and a card to update, so there is an end to it."""

WITHDRAWALS_PER_PERSON_MAX = 5
"""Per ticket and person, so that one who can't decide leaves the others room to."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What somebody asks for: the choice, a comment, and the payload digest of what they were shown.

    `pressed_at` is when they did (epoch ms), for what may come late or again; None for what can't.
    """

    choice: Choice
    comment: str
    shown_digest: str
    pressed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """The result of a vote: all votes now, the state now. `changed` is False for the same vote given again."""

    votes: tuple[Vote, ...]
    state: State
    changed: bool


def eligible(ticket: Ticket, actor: Actor) -> Person:
    """Return the person who may vote on this at all.

    Raises VoteRefused for strangers, the requester, and people whom nobody asked; none of that depends on what became
    of the ticket.
    """
    if is_requester(ticket, actor):
        code = "own-request"
        raise VoteRefused(code, "You asked for this yourself, so somebody else has to decide.")
    if actor.person is None:
        code = "unknown-person"
        raise VoteRefused(code, "The directory doesn't know you, so your vote can't count.")
    if not admits(ticket.draft.requirement, actor):
        code = "not-an-approver"
        raise VoteRefused(code, "This rule asks for other people than you.")
    return actor.person


def cast(ticket: Ticket, actor: Actor, ballot: Ballot, now_ms: int, sign_in: SignInRules) -> Counted:
    """Count one vote. Raises VoteRefused with a code and a sentence for the voter.

    The requester never votes, a person counts once, a rejection ends it, a high risk asks for a strong and recent
    sign-in, and a vote on anything else than what was shown doesn't count.
    """
    person = eligible(ticket, actor)
    earlier = next((vote for vote in ticket.votes if vote.person == person.id), None)
    if earlier is not None and earlier.choice is ballot.choice:
        return Counted(ticket.votes, ticket.state, changed=False)
    _check_pending(ticket, now_ms)
    if earlier is not None:
        code = "already-voted"
        raise VoteRefused(
            code, f"You already chose to {earlier.choice.value} this. Withdraw that vote first."
        )
    _check_pressed_since(ticket, person, ballot)
    _check_ballot(ticket, ballot)
    _check_sign_in(ticket, actor, now_ms, sign_in)
    if ballot.choice is Choice.APPROVE:
        _check_told_apart(ticket, actor.identity, person)
        _check_room(ticket)
    vote = Vote(
        choice=ballot.choice,
        person=person.id,
        identity=actor.identity,
        name=actor.name,
        groups=tuple(sorted(person.groups)),
        groups_source=person.source,
        method=actor.method,
        signed_in_at=actor.signed_in_at,
        at=now_ms,
        comment=ballot.comment,
        shown_digest=ballot.shown_digest,
        linked=person.linked,
    )
    votes = (*ticket.votes, vote)
    if ballot.choice is Choice.REJECT:
        return Counted(votes, State.REJECTED, changed=True)
    done = standing(ticket.draft, votes).complete
    return Counted(votes, State.APPROVED if done else State.PENDING, changed=True)


def withdraw(ticket: Ticket, actor: Actor, now_ms: int) -> Vote:
    """Return the actor's own vote, which no longer counts. Raises VoteRefused."""
    person = actor.person.id if actor.person else None
    vote = next((vote for vote in ticket.votes if vote.person == person), None)
    if vote is None:
        code = "not-voted"
        raise VoteRefused(code, "There is no vote of yours on this ticket.")
    _check_pending(ticket, now_ms)
    if ticket.withdrawals >= WITHDRAWALS_MAX:
        code = "too-many-withdrawals"
        raise VoteRefused(code, f"Votes on this ticket were withdrawn {WITHDRAWALS_MAX} times already.")
    if not may_withdraw_again(ticket, vote.person):
        code = "too-many-withdrawals"
        raise VoteRefused(code, f"You have withdrawn your vote {WITHDRAWALS_PER_PERSON_MAX} times already.")
    return vote


def may_withdraw_again(ticket: Ticket, person: str) -> bool:
    """Say whether somebody has withdrawn less often than one person may."""
    return sum(one.person == person for one in ticket.withdrawn) < WITHDRAWALS_PER_PERSON_MAX


def cancel(ticket: Ticket, actor: Actor, comment: str, now_ms: int) -> Ending:
    """Return how the requester takes a request back that nobody decided yet. Raises VoteRefused."""
    if not is_requester(ticket, actor):
        code = "not-your-request"
        raise VoteRefused(code, "Only who asked for this can take it back; you can reject it.")
    _check_pending(ticket, now_ms)
    return _ending(actor, comment)


def revoke(ticket: Ticket, actor: Actor, comment: str, now_ms: int) -> Ending:
    """Return how a grant is taken back before it is used up: by who may approve, or by the requester.

    Raises VoteRefused.
    """
    if not is_requester(ticket, actor) and not admits(ticket.draft.requirement, actor):
        code = "not-an-approver"
        raise VoteRefused(code, "This rule asks for other people than you.")
    state = ticket.state_at(now_ms)
    if state is not State.APPROVED:
        code = "not-approved"
        raise VoteRefused(code, f"There is no grant to take back: this ticket is {_shown(state)}.")
    return _ending(actor, comment)


def is_requester(ticket: Ticket, actor: Actor) -> bool:
    """Say whether this is who asked, by this account or by any that the directory knows."""
    draft = ticket.draft
    if actor.identity == draft.requester.identity:
        return True
    return actor.person is not None and actor.person.id == draft.requester_person


def _check_pending(ticket: Ticket, now_ms: int) -> None:
    state = ticket.state_at(now_ms)
    if state is not State.PENDING:
        code = "already-decided"
        raise VoteRefused(code, f"This ticket is already {_shown(state)}.")


def _check_pressed_since(ticket: Ticket, person: Person, ballot: Ballot) -> None:
    """Refuse what somebody pressed before they took their vote back: it is that vote again, and not their last word."""
    if ballot.pressed_at is None:
        return
    if any(one.person == person.id and one.at >= ballot.pressed_at for one in ticket.withdrawn):
        code = "withdrawn-since"
        raise VoteRefused(
            code, "You have withdrawn your vote since you pressed this. Press again to vote anew."
        )


def _check_ballot(ticket: Ticket, ballot: Ballot) -> None:
    if ballot.shown_digest != ticket.draft.fingerprint.payload_digest:
        code = "stale-view"
        raise VoteRefused(code, "What you were shown is not what this ticket holds. Open it again and look.")
    check_comment(ballot.comment)
    if ballot.choice is Choice.REJECT and not ballot.comment.strip():
        code = "comment-missing"
        raise VoteRefused(code, "Say in a few words why you reject it; the requester will read that.")


def _check_sign_in(ticket: Ticket, actor: Actor, now_ms: int, rules: SignInRules) -> None:
    if not rules.meets(ticket.draft.requirement.risk, actor.method, actor.signed_in_at, now_ms):
        code = "sign-in-too-weak"
        minutes = rules.max_age_ms // 60_000
        raise VoteRefused(
            code,
            f"This is a high risk: sign in again on the page, not more than {minutes} minutes before you decide.",
        )


def _check_room(ticket: Ticket) -> None:
    if len(ticket.votes) >= VOTES_MAX:
        code = "votes-enough"
        raise VoteRefused(code, f"{VOTES_MAX} people have voted on this already, and others are waited for.")


def _check_told_apart(ticket: Ticket, identity: Identity, person: Person) -> None:
    """Refuse an approval of somebody who may have approved already, under an account that nothing links to this one."""
    for vote in ticket.votes:
        if vote.identity.ns != identity.ns and not (person.linked and vote.linked):
            code = "unlinked-namespace"
            raise VoteRefused(
                code,
                "Somebody has approved with an account of another kind, and nothing says that you are two people. "
                "Sign in as they did, or have the accounts linked in the directory.",
            )


def check_comment(comment: str) -> None:
    """Raise VoteRefused for one that is too long."""
    if len(comment) > COMMENT_MAX:
        code = "comment-too-long"
        raise VoteRefused(code, f"The comment has {len(comment)} characters; {COMMENT_MAX} is the limit.")


def _ending(actor: Actor, comment: str) -> Ending:
    check_comment(comment)
    return Ending(actor.identity, actor.name, actor.person.id if actor.person else "", actor.method, comment)


def _shown(state: State) -> str:
    return state.value.replace("_", " ")
