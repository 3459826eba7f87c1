"""Whether the votes fill the seats that a requirement asks for.

A seat is one person; `{"group": "sre", "count": 2}` is two seats. One person fills one seat, whatever groups they
are in, so seats are filled by a maximum matching of persons to seats (Kuhn's augmenting paths, Naval Research
Logistics Quarterly 1955). Both sides are bounded by the requirement's limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from authz.domain.identity import Actor, Identity, Person
from authz.domain.requirement import Approver, ApproverKind, Requirement
from authz.domain.ticket import Choice, Vote


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the approvals are: seats filled, seats in all, and what the open seats ask for, in words."""

    given: int
    needed: int
    awaiting: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every seat is filled."""
        return self.given >= self.needed


def progress(requirement: Requirement, votes: Sequence[Vote], *, requester_known: bool) -> Progress:
    """Match the approving votes to the seats, by the groups that each vote recorded.

    When the requester resolves to no person, one more approval is needed by anybody who could fill a seat: then as
    many others agreed as were asked for, even if one of the voters is the requester under another account.
    """
    seats = [approver for approver in requirement.approvers for _ in range(approver.count)]
    approvals = [vote for vote in votes if vote.choice is Choice.APPROVE]
    voters = {vote.person: _voter(vote) for vote in approvals}
    admitted = {
        person: actor for person, actor in voters.items() if any(seat.admits(actor) for seat in seats)
    }
    filled = _match(seats, list(admitted.values()))
    open_seats = [seat.shown for i, seat in enumerate(seats) if i not in filled]
    if requester_known:
        return Progress(len(filled), len(seats), _in_words(open_seats))
    spare = min(1, len(admitted) - len(filled))
    if not spare:
        open_seats.append("one more, because the requester's own accounts are not known")
    return Progress(len(filled) + spare, len(seats) + 1, _in_words(open_seats))


def admits(requirement: Requirement, actor: Actor) -> bool:
    """Say whether this actor could fill any seat of the requirement."""
    return any(approver.admits(actor) for approver in requirement.approvers)


def attainable(requirement: Requirement, requester: Identity, *, requester_known: bool) -> bool:
    """Say whether any votes at all could complete this; a hold that nobody can end would be a denial in disguise.

    Who is in a group is the directory's to know, so its seats count as fillable. A seat for the requester never is,
    nor are two for one person, and the approval more for an unknown requester needs somebody who isn't named.
    """
    users = [approver.user for approver in requirement.approvers if approver.kind is ApproverKind.USER]
    if requester in users or len(set(users)) < len(users):
        return False
    return requester_known or len(users) < len(requirement.approvers)


def _voter(vote: Vote) -> Actor:
    person = Person(vote.person, vote.name, frozenset(vote.groups), vote.groups_source)
    return Actor(vote.identity, vote.name, person, vote.method, vote.signed_in_at)


def _match(seats: Sequence[Approver], voters: Sequence[Actor]) -> dict[int, int]:
    """Return a maximum matching as seat index → voter index."""
    taken: dict[int, int] = {}

    def place(voter: int, tried: set[int]) -> bool:
        for seat, approver in enumerate(seats):
            if seat in tried or not approver.admits(voters[voter]):
                continue
            tried.add(seat)
            if seat not in taken or place(taken[seat], tried):
                taken[seat] = voter
                return True
        return False

    for voter in range(len(voters)):
        place(voter, set())
    return taken


def _in_words(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{count} of {name}" if count > 1 else name for name, count in Counter(names).items())
