"""One approval more where a voter could be the requester under another account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity
from authz.domain.quorum import progress
from authz.domain.standing import standing
from authz.domain.ticket import Choice, Vote
from tests.support.requirements import requirement
from tests.support.sample_tickets import ISSUER, REQUIREMENT, draft, vote

ALICE = replace(draft(), requester=replace(draft().requester, identity=Identity("spiffe", "alice")))


def unlinked(name: str, choice: Choice = Choice.APPROVE) -> Vote:
    return replace(vote(choice, name=name, comment="no"), linked=False)


def test_an_unlinked_voter_of_another_namespace_alone_is_not_enough() -> None:
    """Alice asked as a workload that the directory knows; her sign-in at the identity provider is linked to nobody."""
    alone = standing(ALICE, [unlinked("alice")])
    assert (alone.complete, alone.given, alone.needed) == (False, 1, 2)
    assert standing(ALICE, [unlinked("alice"), unlinked("bob")]).complete


def test_control_the_votes_alone_would_do() -> None:
    assert progress(REQUIREMENT, [unlinked("alice")], requester_known=True).complete


@pytest.mark.parametrize(
    "told_apart",
    [vote(), replace(unlinked("bob"), identity=Identity("spiffe", "bob"))],
    ids=["linked", "of the requester's own namespace"],
)
def test_who_is_certainly_somebody_else_is_enough(told_apart: Vote) -> None:
    assert standing(ALICE, [told_apart]).complete


def test_one_whom_the_policy_asks_for_by_name_is_enough() -> None:
    """Nobody else could ever give that approval, so one more would never come."""
    bob = unlinked("bob")
    named = requirement(Approver(ApproverKind.USER, user=bob.identity))
    assert standing(replace(ALICE, requirement=named), [bob]).complete


def test_one_whom_it_asks_for_by_name_vouches_for_nobody_else() -> None:
    bob = unlinked("bob")
    carols = Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1"))
    either = requirement(Approver(ApproverKind.GROUP, "sre"))
    [demand] = either.demands
    either = replace(either, demands=(replace(demand, alternatives=(*demand.alternatives, (carols,))),))
    assert not standing(replace(ALICE, requirement=either), [bob]).complete
    assert standing(replace(ALICE, requirement=either), [replace(bob, linked=True)]).complete


def test_a_rejection_asks_for_nobody_more() -> None:
    assert standing(ALICE, [unlinked("carol", Choice.REJECT)]).needed == 1


def test_it_counts_for_what_is_demanded_now_as_well() -> None:
    now = requirement(Approver(ApproverKind.GROUP, "sre"), rule="another")
    assert not standing(ALICE, [unlinked("alice")], now).complete


def test_where_the_requester_is_not_known_one_more_is_needed_whoever_votes() -> None:
    stranger = replace(ALICE, requester_person=None)
    assert standing(stranger, [replace(vote(), identity=Identity(ISSUER, "bob-1"))]).needed == 2
