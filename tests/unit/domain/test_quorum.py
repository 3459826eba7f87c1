from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain import quorum
from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Actor, Identity, Person
from authz.domain.quorum import admits, attainable, progress
from authz.domain.requirement import Demand, Requirement
from authz.domain.seating import fill
from authz.domain.ticket import Choice, Vote
from tests.support.requirements import approved_by
from tests.support.sample_tickets import ISSUER, REQUIREMENT, vote

GROUPS = ("sre", "security", "dev")
ANYBODY = Approver(ApproverKind.ANY)


def group(name: str, count: int = 1) -> Approver:
    return Approver(ApproverKind.GROUP, group=name, count=count)


def user(name: str) -> Approver:
    return Approver(ApproverKind.USER, user=Identity(ISSUER, f"{name}-1"))


def demand(*approvers: Approver) -> Requirement:
    return approved_by(REQUIREMENT, *approvers)


def by(name: str, *groups: str) -> Vote:
    return replace(vote(name=name), groups=groups)


approvers = st.lists(
    st.builds(group, st.sampled_from(GROUPS), st.integers(1, 2))
    | st.just(ANYBODY)
    | st.builds(user, st.sampled_from("abc")),
    min_size=1,
    max_size=4,
)
voters = st.dictionaries(st.sampled_from("abcde"), st.frozensets(st.sampled_from(GROUPS)), max_size=5)


def best(seats: list[Approver], people: dict[str, frozenset[str]]) -> int:
    """Try every order of people on the seats: the most seats that can be filled."""
    padded = [*people, *([None] * len(seats))]
    return max(
        sum(
            name is not None and fits(seat, name, people[name])
            for seat, name in zip(seats, order, strict=False)
        )
        for order in set(permutations(padded, len(seats)))
    )


def fits(seat: Approver, name: str, theirs: frozenset[str]) -> bool:
    """Say by hand whether somebody may take a seat."""
    named = seat.user is not None and seat.user.id == f"{name}-1"
    return seat.kind is ApproverKind.ANY or seat.group in theirs or named


@given(approvers, voters)
def test_seats_are_filled_as_well_as_they_can_be(
    asked: list[Approver], people: dict[str, frozenset[str]]
) -> None:
    """Kuhn's matching finds as much as trying everything."""
    asked = asked[:3]
    seats = [seat for seat in asked for _ in range(seat.count)][:4]
    requirement = demand(*(replace(seat, count=1) for seat in seats))
    votes = [by(name, *groups) for name, groups in people.items()]
    found = progress(requirement, votes, requester_known=True)
    assert (found.given, found.needed) == (best(seats, people), len(seats))
    assert found.complete == (found.given == found.needed)


@given(approvers, voters)
def test_an_unknown_requester_costs_one_approval_more(
    asked: list[Approver], people: dict[str, frozenset[str]]
) -> None:
    """One of the voters may be the requester: without any one of them as many others as asked for remain."""
    votes = [by(name, *groups) for name, groups in people.items()]
    known = progress(demand(*asked), votes, requester_known=True)
    unknown = progress(demand(*asked), votes, requester_known=False)
    assert unknown.needed == known.needed + 1
    assert not unknown.complete or known.complete
    if unknown.complete:
        assert len(people) > known.needed


def test_one_person_takes_one_seat_whatever_their_groups() -> None:
    """Hoop and Vault let one person fill several groups of a quorum."""
    both = demand(group("sre"), group("security"))
    alone = progress(both, [by("carol", "sre", "security")], requester_known=True)
    assert (alone.given, alone.needed, alone.complete) == (1, 2, False)
    assert progress(both, [by("carol", "sre", "security"), by("bob", "sre")], requester_known=True).complete


def test_one_person_takes_one_seat_under_two_identities() -> None:
    """The directory's person counts, not the account."""
    twice = [by("bob", "sre"), replace(by("bob", "sre"), identity=Identity("slack", "bob"))]
    assert progress(demand(group("sre", 2)), twice, requester_known=True).given == 1


def test_one_person_would_fill_both_seats_without_the_matching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: counting who is admitted to each seat is not enough."""

    def counted(seats: list[Approver], people: list[Actor]) -> dict[int, int]:
        return {seat: i for seat, one in enumerate(seats) for i, who in enumerate(people) if one.admits(who)}

    monkeypatch.setattr(quorum, "fill", counted)
    both = demand(group("sre"), group("security"))
    assert progress(both, [by("carol", "sre", "security")], requester_known=True).complete


def test_a_later_voter_makes_room_for_an_earlier_one() -> None:
    """Who came first is moved to another seat when that lets both sit."""
    seats = demand(ANYBODY, group("sre"))
    assert progress(seats, [by("bob", "sre"), by("dave")], requester_known=True).complete
    assert progress(seats, [by("dave"), by("bob", "sre")], requester_known=True).complete


def test_a_rejection_fills_no_seat() -> None:
    """Only approvals are matched."""
    assert progress(demand(ANYBODY), [replace(vote(), choice=Choice.REJECT)], requester_known=True).given == 0


def test_groups_are_those_that_the_vote_recorded() -> None:
    """Whoever left the group since has voted as a member, and whoever joined has not."""
    assert not progress(demand(group("sre")), [by("bob")], requester_known=True).complete


def test_what_is_awaited_is_said_in_words() -> None:
    """For the card and the 202."""
    asked = demand(group("sre", 3), user("carol"), ANYBODY)
    assert progress(asked, [], requester_known=True).awaiting == ("3 of sre", "a named person", "anybody")
    assert progress(asked, [by("bob", "sre")], requester_known=True).awaiting == (
        "2 of sre",
        "a named person",
        "anybody",
    )
    one_more = progress(demand(group("sre")), [by("bob", "sre")], requester_known=False)
    assert one_more.awaiting == ("one more, because the requester's own accounts are not known",)
    assert (one_more.given, one_more.needed) == (1, 2)


def test_the_one_more_must_be_somebody_who_was_asked() -> None:
    """A bystander's approval adds nothing."""
    asked = demand(group("sre"))
    assert not progress(asked, [by("bob", "sre"), by("dave", "dev")], requester_known=False).complete
    assert progress(asked, [by("bob", "sre"), by("carol", "sre")], requester_known=False).complete


def test_a_stranger_is_admitted_to_no_seat() -> None:
    """`any` is anybody whom the directory knows."""
    stranger = Actor(Identity(ISSUER, "x"), "x", None, "demo", 0)
    assert not admits(demand(ANYBODY, group("sre")), stranger)
    known = replace(stranger, person=Person("x", "x", frozenset({"sre"}), "test"))
    assert admits(demand(ANYBODY), known)
    assert admits(demand(group("sre")), known)
    assert not admits(demand(user("bob")), known)


@pytest.mark.parametrize(
    ("asked", "known", "possible"),
    [
        ([group("sre")], True, True),
        ([group("sre")], False, True),
        ([user("bob")], True, True),
        ([user("bob")], False, False),  # the one more could be given by nobody
        ([user("bob"), group("sre")], False, True),
        ([user("alice")], True, False),  # the requester
        ([user("alice"), group("sre")], True, False),
        ([user("bob"), user("bob")], True, False),  # one person, one seat
        ([user("bob"), user("carol")], True, True),
    ],
)
def test_a_demand_that_nobody_could_meet_is_known_as_such(
    asked: list[Approver], *, known: bool, possible: bool
) -> None:
    """It would hold for ever what the policy meant to be approved."""
    assert attainable(demand(*asked), Identity(ISSUER, "alice-1"), requester_known=known) is possible


def two_demands(*each: tuple[Approver, ...]) -> Requirement:
    return replace(
        REQUIREMENT, demands=tuple(Demand(f"rule-{i}", "", (seats,)) for i, seats in enumerate(each))
    )


def test_a_vote_counts_in_every_demand() -> None:
    """Two rules hold; somebody whom both ask fills a seat of each."""
    both = two_demands((group("sre"),), (group("security"), group("sre")))
    one = progress(both, [by("carol", "sre", "security")], requester_known=True)
    assert (one.given, one.needed, one.awaiting) == (2, 3, ("sre",))
    assert progress(both, [by("carol", "sre", "security"), by("bob", "sre")], requester_known=True).complete


def test_any_alternative_is_enough_and_the_nearest_is_told() -> None:
    """Two of sre, or one lead."""
    either = replace(REQUIREMENT, demands=(Demand("either", "", ((group("sre", 2),), (group("security"),))),))
    assert progress(either, [], requester_known=True).awaiting == ("2 of sre or security",)
    assert (progress(either, [by("bob", "sre")], requester_known=True).given) == 1
    assert progress(either, [by("dave", "security")], requester_known=True).complete
    assert progress(either, [by("bob", "sre"), by("carol", "sre")], requester_known=True).complete


def test_alternatives_are_not_filled_together() -> None:
    """Half of one and half of the other is neither."""
    either = replace(
        REQUIREMENT, demands=(Demand("either", "", ((group("sre", 2),), (group("security", 2),))),)
    )
    assert not progress(either, [by("bob", "sre"), by("dave", "security")], requester_known=True).complete


def test_an_unknown_requester_may_be_any_one_of_the_voters() -> None:
    """Whichever of them is left out, the seats of each group are filled by others."""
    both = demand(group("sre"), group("security"))
    votes = [by("bob", "sre"), by("carol", "sre"), by("dave", "security")]
    assert not progress(both, votes, requester_known=False).complete
    assert progress(both, [*votes, by("erin", "security")], requester_known=False).complete
    assert progress(both, [*votes, by("erin", "sre", "security")], requester_known=False).complete


def test_control_counting_one_more_would_let_the_requester_fill_a_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dave may be the requester, and nobody else of security agreed."""
    both = demand(group("sre"), group("security"))
    monkeypatch.setattr(quorum, "_full_without_any", lambda *_: True)
    votes = [by("bob", "sre"), by("carol", "sre"), by("dave", "security")]
    assert progress(both, votes, requester_known=False).complete


def test_a_named_person_can_not_be_replaced() -> None:
    """One more of anybody else who is asked is all that an unknown requester can cost."""
    named = demand(user("alice"), group("sre"))
    votes = [by("alice"), by("bob", "sre")]
    assert not progress(named, votes, requester_known=False).complete
    assert progress(named, [*votes, by("carol", "sre")], requester_known=False).complete


def test_a_demand_is_attainable_if_one_of_its_alternatives_is() -> None:
    """And a requirement if all its demands are."""
    me = Identity(ISSUER, "a-1")
    mine, others = (user("a"),), (group("sre"),)
    either = replace(REQUIREMENT, demands=(Demand("either", "", (mine, others)),))
    assert attainable(either, me, requester_known=True)
    assert not attainable(two_demands(mine, others), me, requester_known=True)
    assert attainable(two_demands(others, others), me, requester_known=False)


@given(approvers, voters)
def test_leaving_out_the_seated_is_leaving_out_anybody(
    asked: list[Approver], people: dict[str, frozenset[str]]
) -> None:
    """The look at a few voters finds what the look at all of them does."""
    seats = [seat for seat in asked if seat.kind is not ApproverKind.USER for _ in range(seat.count)]
    everybody = [quorum._voter(by(name, *groups)) for name, groups in people.items()]
    slowly = len(fill(seats, everybody)) == len(seats) and all(
        len(fill(seats, [one for one in everybody if one is not out])) == len(seats) for out in everybody
    )
    assert quorum._full_without_any(seats, everybody) is slowly
