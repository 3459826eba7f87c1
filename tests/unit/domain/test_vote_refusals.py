"""What people are told whose action is refused: a code for programs, and a sentence that says what it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, Ending, State, Ticket, Withdrawal
from authz.domain.voting import (
    COMMENT_MAX,
    VOTES_MAX,
    WITHDRAWALS_MAX,
    WITHDRAWALS_PER_PERSON_MAX,
    Ballot,
    cancel,
    cast,
    eligible,
    revoke,
    withdraw,
)
from tests.support.requirements import approved_by, requirement
from tests.support.sample_tickets import CREATED_AT, ISSUER, REQUIREMENT, approved, ended, ticket, vote
from tests.support.sentences import is_prose

NOW = CREATED_AT + 60_000
PENDING = ticket()
GRANTED = approved(PENDING)
TWO = ticket(requirement=approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2)))
RISKY = ticket(requirement=requirement(risk=Risk.HIGH))
SHOWN = PENDING.draft.fingerprint.payload_digest
RULES = SignInRules(frozenset({"passkey"}), max_age_ms=7 * 60_000)
APPROVE = Ballot(Choice.APPROVE, "", SHOWN)
REJECT = Ballot(Choice.REJECT, "no", SHOWN)
TOO_LONG = "x" * (COMMENT_MAX + 1)


def actor(name: str = "bob", *groups: str, ns: str = ISSUER, linked: bool = True) -> Actor:
    person = Person(name, name, frozenset(groups or ("sre",)), "test", linked)
    return Actor(Identity(ns, f"{name}-1"), name, person, "demo", CREATED_AT)


STRANGER = replace(actor("mallory"), person=None)


def voting(held: Ticket, who: Actor, ballot: Ballot = APPROVE) -> Callable[[], object]:
    return lambda: cast(held, who, ballot, NOW, RULES)


REFUSALS: dict[str, tuple[Callable[[], object], str, str]] = {
    "a requester": (voting(PENDING, actor("alice")), "own-request", "yourself"),
    "a stranger": (voting(PENDING, STRANGER), "unknown-person", "directory"),
    "a bystander": (voting(PENDING, actor("dave", "dev")), "not-an-approver", "other people"),
    "an approval after a rejection": (
        voting(replace(TWO, votes=(vote(Choice.REJECT),)), actor()),
        "already-voted",
        "chose to reject",
    ),
    "a rejection after an approval": (
        voting(replace(TWO, votes=(vote(),)), actor(), REJECT),
        "already-voted",
        "chose to approve",
    ),
    "a vote too late": (
        voting(ended(PENDING, State.USED_UP), actor()),
        "already-decided",
        "already used up.",
    ),
    "a vote on another view": (
        voting(PENDING, actor(), replace(APPROVE, shown_digest="0")),
        "stale-view",
        "look",
    ),
    "a silent rejection": (voting(PENDING, actor(), replace(REJECT, comment=" ")), "comment-missing", "why"),
    "a book": (
        voting(PENDING, actor(), replace(REJECT, comment=TOO_LONG)),
        "comment-too-long",
        "501 characters",
    ),
    "a weak sign-in": (voting(RISKY, actor()), "sign-in-too-weak", "7 minutes"),
    "one vote more than there is room for": (
        voting(replace(TWO, votes=tuple(vote(name=f"v{n}") for n in range(VOTES_MAX))), actor("zed")),
        "votes-enough",
        "100 people",
    ),
    "an account of another kind": (
        voting(replace(TWO, votes=(vote(name="carol"),)), actor(ns="slack", linked=False)),
        "unlinked-namespace",
        "two people",
    ),
    "a withdrawal of nothing": (lambda: withdraw(PENDING, actor(), NOW), "not-voted", "no vote of yours"),
    "a stranger's withdrawal": (lambda: withdraw(TWO, STRANGER, NOW), "not-voted", "no vote of yours"),
    "a withdrawal too late": (
        lambda: withdraw(GRANTED, actor(), NOW),
        "already-decided",
        "already approved.",
    ),
    "too many withdrawals": (
        lambda: withdraw(replace(TWO, votes=(vote(),), withdrawals=WITHDRAWALS_MAX), actor(), NOW),
        "too-many-withdrawals",
        "20 times",
    ),
    "too many withdrawals of one's own": (
        lambda: withdraw(
            replace(TWO, votes=(vote(),), withdrawn=(Withdrawal("bob", NOW),) * 5), actor(), NOW
        ),
        "too-many-withdrawals",
        "You have withdrawn your vote 5 times",
    ),
    "somebody else's request": (
        lambda: cancel(PENDING, actor(), "", NOW),
        "not-your-request",
        "you can reject",
    ),
    "a cancellation too late": (
        lambda: cancel(GRANTED, actor("alice"), "", NOW),
        "already-decided",
        "approved.",
    ),
    "a long cancellation": (
        lambda: cancel(PENDING, actor("alice"), TOO_LONG, NOW),
        "comment-too-long",
        "500 is the limit",
    ),
    "a bystander's revocation": (
        lambda: revoke(GRANTED, actor("dave", "dev"), "", NOW),
        "not-an-approver",
        "other people",
    ),
    "a revocation too early": (lambda: revoke(PENDING, actor(), "", NOW), "not-approved", "is pending."),
    "a revocation too late": (
        lambda: revoke(ended(PENDING, State.USED_UP), actor(), "", NOW),
        "not-approved",
        "is used up.",
    ),
    "a long revocation": (
        lambda: revoke(GRANTED, actor(), TOO_LONG, NOW),
        "comment-too-long",
        "501 characters",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_has_a_code_and_a_sentence_that_says_why(case: str) -> None:
    act, code, said = REFUSALS[case]
    with pytest.raises(VoteRefused) as refused:
        act()
    assert refused.value.code == code
    assert said in str(refused.value)
    assert is_prose(str(refused.value))


@pytest.mark.parametrize("shouted", ["NO.", "xxNo.xx", "XXNo.XX", "no.", "No", "None", "Yes. but no."])
def test_control_what_no_person_would_write_is_noticed(shouted: str) -> None:
    assert not is_prose(shouted)


def test_who_may_vote_is_the_directorys_person() -> None:
    assert eligible(PENDING, replace(actor(), identity=Identity("slack", "u-7"))).id == "bob"


@pytest.mark.parametrize("state", [State.PENDING, State.USED_UP, State.EXPIRED])
def test_who_may_not_vote_learns_nothing_of_the_state(state: State) -> None:
    held = replace(PENDING, state=state)
    for who, code in ((actor("alice"), "own-request"), (actor("dave", "dev"), "not-an-approver")):
        with pytest.raises(VoteRefused) as refused:
            cast(held, who, APPROVE, NOW, RULES)
        assert refused.value.code == code


@pytest.mark.parametrize("linked", [(True, False), (False, True), (False, False)], ids=str)
def test_accounts_of_two_kinds_count_as_two_people_only_where_both_are_linked(
    linked: tuple[bool, bool],
) -> None:
    """Control: with both linked, the second approval is taken."""
    earlier, now = linked
    first = replace(vote(name="carol"), identity=Identity("slack", "u-7"), linked=earlier)
    held = replace(TWO, votes=(first,))
    with pytest.raises(VoteRefused) as refused:
        cast(held, actor(linked=now), APPROVE, NOW, RULES)
    assert refused.value.code == "unlinked-namespace"
    both = replace(held, votes=(replace(first, linked=True),))
    assert cast(both, actor(), APPROVE, NOW, RULES).state is State.APPROVED


def test_accounts_of_one_kind_are_told_apart_without_a_link() -> None:
    held = replace(TWO, votes=(replace(vote(name="carol"), linked=False),))
    assert cast(held, actor(linked=False), APPROVE, NOW, RULES).state is State.APPROVED


def test_a_rejection_counts_from_any_kind_of_account() -> None:
    held = replace(TWO, votes=(replace(vote(name="carol"), linked=False),))
    after = cast(held, actor(ns="slack", linked=False), REJECT, NOW, RULES)
    assert (after.state, after.votes[-1].linked) == (State.REJECTED, False)


def test_an_ending_names_who_did_it_and_how_they_had_signed_in() -> None:
    known, unknown = actor("alice"), replace(actor("alice"), person=None)
    identity = Identity(ISSUER, "alice-1")
    assert cancel(PENDING, known, "mine", NOW) == Ending(identity, "alice", "alice", "demo", "mine")
    assert cancel(PENDING, unknown, "mine", NOW) == Ending(identity, "alice", "", "demo", "mine")
    assert revoke(GRANTED, actor(), "no", NOW) == Ending(
        Identity(ISSUER, "bob-1"), "bob", "bob", "demo", "no"
    )


def test_the_longest_comment_is_taken() -> None:
    assert cancel(PENDING, actor("alice"), TOO_LONG[1:], NOW).comment == TOO_LONG[1:]


def test_the_last_withdrawal_of_ones_own_is_the_fifth_whatever_others_did() -> None:
    mine = (Withdrawal("bob", NOW),) * (WITHDRAWALS_PER_PERSON_MAX - 1)
    others = (Withdrawal("carol", NOW),) * WITHDRAWALS_PER_PERSON_MAX
    assert withdraw(replace(TWO, votes=(vote(),), withdrawn=mine + others), actor(), NOW) == vote()


def test_the_last_withdrawal_is_the_twentieth() -> None:
    held = replace(TWO, votes=(vote(name="carol"), vote()), withdrawals=WITHDRAWALS_MAX - 1)
    assert withdraw(held, actor(), NOW) == vote()


@pytest.mark.parametrize("linked", [True, False])
def test_a_vote_says_whether_the_directory_knows_all_accounts_of_the_voter(linked: bool) -> None:
    """Later votes are told apart from it by that."""
    for ballot in (APPROVE, REJECT):
        assert cast(PENDING, actor(linked=linked), ballot, NOW, RULES).votes[-1].linked is linked


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.REJECTED])
def test_the_same_vote_again_leaves_the_state_as_it_is(state: State) -> None:
    held = replace(TWO, state=state, votes=(vote(),))
    counted = cast(held, actor(), APPROVE, NOW, RULES)
    assert (counted.state, counted.votes, counted.changed) == (state, held.votes, False)
