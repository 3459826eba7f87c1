"""Whether the votes fill the seats that a requirement asks for.

A seat is one person; `{"group": "sre", "count": 2}` is two seats. One person fills one seat of a demand, whatever
groups they are in, so seats are filled by a maximum matching of persons to seats (`domain.seating`). Of several
demands each has to be filled, and a vote counts in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Actor, Identity, Person
from authz.domain.requirement import Demand, Requirement, Seats
from authz.domain.seating import fill
from authz.domain.ticket import Choice, Vote

_UNKNOWN_REQUESTER = "one more, because the requester's own accounts are not known"


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
    """Match the approving votes to the seats of each demand, by the groups that each vote recorded.

    When the requester resolves to no person, or to one whose other accounts nobody knows, one of the voters may be
    the requester under another account. Then one more approval is needed, and the seats have to be filled whichever
    of the voters is left out: as many others agreed as were asked for. A seat for a named user is the exception,
    because nobody else could ever fill it.
    """
    voters = list({vote.person: _voter(vote) for vote in votes if vote.choice is Choice.APPROVE}.values())
    each = [
        _demand_progress(demand, voters, requester_known=requester_known) for demand in requirement.demands
    ]
    awaiting = dict.fromkeys(words for one in each for words in one.awaiting)
    return Progress(sum(one.given for one in each), sum(one.needed for one in each), tuple(awaiting))


def admits(requirement: Requirement, actor: Actor) -> bool:
    """Say whether this actor could fill any seat of the requirement."""
    return any(approver.admits(actor) for demand in requirement.demands for approver in demand.approvers)


def attainable(requirement: Requirement, requester: Identity, *, requester_known: bool) -> bool:
    """Say whether any votes at all could complete this; a hold that nobody can end would be a denial in disguise.

    Who is in a group is the directory's to know, so its seats count as fillable. A seat for the requester never is,
    nor are two for one person, and the approval more for an unknown requester needs somebody who isn't named.
    """
    return all(
        any(_fillable(seats, requester, requester_known=requester_known) for seats in demand.alternatives)
        for demand in requirement.demands
    )


def _fillable(seats: Seats, requester: Identity, *, requester_known: bool) -> bool:
    users = [approver.user for approver in seats if approver.kind is ApproverKind.USER]
    if requester in users or len(set(users)) < len(users):
        return False
    return requester_known or len(users) < len(seats)


def _demand_progress(demand: Demand, voters: Sequence[Actor], *, requester_known: bool) -> Progress:
    """Return the progress of the alternative that is nearest to its end; the first of several."""
    each = [_seats_progress(seats, voters, requester_known=requester_known) for seats in demand.alternatives]
    nearest = min(each, key=lambda one: one.needed - one.given)
    if len(each) == 1 or nearest.complete:
        return nearest
    ways = " or ".join(" and ".join(one.awaiting) for one in each)
    return Progress(nearest.given, nearest.needed, (ways,))


def _seats_progress(approvers: Seats, voters: Sequence[Actor], *, requester_known: bool) -> Progress:
    seats = [approver for approver in approvers for _ in range(approver.count)]
    admitted = [voter for voter in voters if any(seat.admits(voter) for seat in seats)]
    filled = fill(seats, admitted)
    waiting = [seat.shown for i, seat in enumerate(seats) if i not in filled]
    if requester_known:
        return Progress(len(filled), len(seats), _in_words(waiting))
    spare = len(admitted) > len(filled) and not waiting and _full_without_any(seats, admitted)
    if not spare:
        waiting.append(_UNKNOWN_REQUESTER)
    return Progress(len(filled) + spare, len(seats) + 1, _in_words(waiting))


def _full_without_any(seats: Sequence[Approver], voters: Sequence[Actor]) -> bool:
    """Say whether the seats for groups and for anybody are filled still, whichever voter is left out."""
    shared = [seat for seat in seats if seat.kind is not ApproverKind.USER]
    named = {seat.user for seat in seats if seat.kind is ApproverKind.USER}
    others = [voter for voter in voters if voter.identity not in named]
    # Whoever has no seat in one full matching can be left out of it anyway.
    seated = [others[i] for i in fill(shared, others).values()]
    return len(seated) == len(shared) and all(
        len(fill(shared, [voter for voter in others if voter is not left_out])) == len(shared)
        for left_out in seated
    )


def _voter(vote: Vote) -> Actor:
    person = Person(vote.person, vote.name, frozenset(vote.groups), vote.groups_source)
    return Actor(vote.identity, vote.name, person, vote.method, vote.signed_in_at)


def _in_words(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{count} of {name}" if count > 1 else name for name, count in Counter(names).items())
