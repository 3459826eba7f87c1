"""How the seats are counted, and what is said of them, where one of the voters may be the requester."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity
from authz.domain.quorum import progress
from authz.domain.requirement import Demand, Requirement
from authz.domain.ticket import Vote
from tests.support.requirements import approved_by
from tests.support.sample_tickets import ISSUER, REQUIREMENT, vote

SRE = Approver(ApproverKind.GROUP, "sre")
LEADS = Approver(ApproverKind.GROUP, "leads")
CAROL = Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1"))
ONE_MORE = "one more, because the requester's own accounts are not known"


def by(name: str, *groups: str) -> Vote:
    return replace(vote(name=name), groups=groups)


def counted(asked: Requirement, *votes: Vote) -> tuple[int, int, tuple[str, ...]]:
    done = progress(asked, votes, requester_known=False)
    assert done.complete is (done.given == done.needed)
    return done.given, done.needed, done.awaiting


def test_the_one_more_is_a_seat_that_is_filled_last() -> None:
    asked = approved_by(REQUIREMENT, replace(SRE, count=2))
    assert counted(asked) == (0, 3, ("2 of sre", ONE_MORE))
    assert counted(asked, by("bob", "sre")) == (1, 3, ("sre", ONE_MORE))
    assert counted(asked, by("bob", "sre"), by("carol", "sre")) == (2, 3, (ONE_MORE,))
    assert counted(asked, by("bob", "sre"), by("carol", "sre"), by("dave", "sre")) == (3, 3, ())


def test_a_spare_voter_is_no_one_more_while_a_seat_is_open() -> None:
    asked = approved_by(REQUIREMENT, SRE, LEADS)
    assert counted(asked, by("bob", "sre"), by("dave", "sre")) == (1, 3, ("leads", ONE_MORE))


def test_who_has_a_seat_by_name_stands_in_for_nobody() -> None:
    """Carol is of both groups, but her approval was asked for by name: dave may be the requester."""
    asked = approved_by(REQUIREMENT, CAROL, SRE, LEADS)
    votes = [by("carol", "sre", "leads"), by("bob", "sre"), by("dave", "leads"), by("erin", "sre")]
    assert counted(asked, *votes) == (3, 4, (ONE_MORE,))
    assert counted(asked, *votes, by("frank", "leads")) == (4, 4, ())


def test_alternatives_are_told_together_until_one_is_full() -> None:
    either = replace(REQUIREMENT, demands=(Demand("either", "", ((replace(SRE, count=2),), (LEADS, CAROL))),))
    assert counted(either, by("bob", "sre")) == (
        1,
        3,
        (f"sre and {ONE_MORE} or leads and a named person and {ONE_MORE}",),
    )
    assert counted(either, *(by(name, "sre") for name in ("bob", "dave", "erin"))) == (3, 3, ())


def test_what_several_demands_wait_for_is_told_once() -> None:
    both = replace(REQUIREMENT, demands=(Demand("one", "", ((SRE,),)), Demand("other", "", ((SRE,),))))
    assert counted(both) == (0, 4, ("sre", ONE_MORE))
