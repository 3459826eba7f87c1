from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain import voting
from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.voting import COMMENT_MAX, Ballot, cast
from tests.support.requirements import approved_by
from tests.support.sample_tickets import CREATED_AT, ISSUER, REQUIREMENT, approved, ended, ticket, vote

NOW = CREATED_AT + 60_000
TICKET = ticket()
SHOWN = TICKET.draft.fingerprint.payload_digest
APPROVE = Ballot(Choice.APPROVE, "", SHOWN)
REJECT = Ballot(Choice.REJECT, "not today", SHOWN)
TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
RULES = SignInRules()


def actor(name: str = "bob", *groups: str, account: str = "") -> Actor:
    person = Person(name, name, frozenset(groups or ("sre",)), "test")
    return Actor(Identity(ISSUER, account or f"{name}-1"), name, person, "demo", CREATED_AT)


def refused(held: Ticket, who: Actor, ballot: Ballot, now: int = NOW) -> str:
    with pytest.raises(VoteRefused) as error:
        cast(held, who, ballot, now, RULES)
    return error.value.code


def test_an_approval_that_fills_the_last_seat_approves() -> None:
    """The vote holds all that an auditor asks."""
    counted = cast(TICKET, actor("bob", "sre", "dev"), replace(APPROVE, comment="ok"), NOW, RULES)
    assert (counted.state, counted.changed) == (State.APPROVED, True)
    (given,) = counted.votes
    assert given.person == "bob"
    assert given.identity == Identity(ISSUER, "bob-1")
    assert (given.groups, given.groups_source) == (("dev", "sre"), "test")
    assert (given.method, given.signed_in_at, given.at) == ("demo", CREATED_AT, NOW)
    assert (given.comment, given.shown_digest) == ("ok", SHOWN)


def test_one_of_two_leaves_it_pending() -> None:
    """The second person decides."""
    held = ticket(requirement=TWO)
    first = cast(held, actor("bob"), APPROVE, NOW, RULES)
    assert first.state is State.PENDING
    second = cast(replace(held, votes=first.votes), actor("carol"), APPROVE, NOW, RULES)
    assert (second.state, len(second.votes)) == (State.APPROVED, 2)


def test_a_rejection_ends_it_whatever_was_approved_before() -> None:
    """A reject wins."""
    held = replace(ticket(requirement=TWO), votes=(vote(),))
    counted = cast(held, actor("carol"), REJECT, NOW, RULES)
    assert (counted.state, counted.votes[-1].comment) == (State.REJECTED, "not today")


def test_nobody_decides_their_own_request() -> None:
    """By the very identity, and by another one of the same person."""
    assert refused(TICKET, actor("alice"), APPROVE) == "own-request"
    assert refused(TICKET, actor("alice", account="alice-in-slack"), APPROVE) == "own-request"
    assert refused(TICKET, actor("alice"), REJECT) == "own-request"
    moved = replace(actor("mallory"), identity=TICKET.draft.requester.identity)
    assert refused(TICKET, moved, APPROVE) == "own-request"
    assert refused(TICKET, replace(actor("alice"), person=None), APPROVE) == "own-request"


def test_the_requester_would_approve_without_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: nothing else stands between the requester and the approval."""
    monkeypatch.setattr(voting, "eligible", lambda _ticket, who: who.person)
    assert cast(TICKET, actor("alice"), APPROVE, NOW, RULES).state is State.APPROVED


def test_an_unknown_requester_needs_one_approval_more() -> None:
    """One of the voters may be the requester under another account."""
    held = replace(TICKET, draft=replace(TICKET.draft, requester_person=None))
    first = cast(held, actor("bob"), APPROVE, NOW, RULES)
    assert first.state is State.PENDING
    assert cast(replace(held, votes=first.votes), actor("carol"), APPROVE, NOW, RULES).state is State.APPROVED


def test_a_stranger_and_a_bystander_are_refused() -> None:
    """Whom the directory doesn't know, and whom the rule doesn't ask; a rejection needs the same right."""
    assert refused(TICKET, replace(actor(), person=None), APPROVE) == "unknown-person"
    assert refused(TICKET, actor("dave", "dev"), APPROVE) == "not-an-approver"
    assert refused(TICKET, actor("dave", "dev"), REJECT) == "not-an-approver"


def test_the_same_vote_again_changes_nothing_even_when_all_is_over() -> None:
    """A double click is no error."""
    done = approved(TICKET, vote(name="bob"))
    assert cast(done, actor("bob"), replace(APPROVE, shown_digest=""), NOW, RULES).changed is False
    assert cast(done, actor("bob"), APPROVE, NOW, RULES).votes == done.votes
    no = ended(TICKET, State.REJECTED, vote(Choice.REJECT))
    assert cast(no, actor("bob"), REJECT, NOW, RULES).changed is False


def test_the_same_person_votes_once_under_any_account() -> None:
    """A second account adds no second approval."""
    held = replace(ticket(requirement=TWO), votes=(vote(name="bob"),))
    assert cast(held, actor("bob", account="bob-in-slack"), APPROVE, NOW, RULES).changed is False


def test_a_change_of_mind_is_refused() -> None:
    """A vote was counted already, and others may have relied on it."""
    held = replace(ticket(requirement=TWO), votes=(vote(name="bob"),))
    assert refused(held, actor("bob"), REJECT) == "already-voted"


@pytest.mark.parametrize(
    "state", [State.APPROVED, State.REJECTED, State.EXPIRED, State.USED_UP, State.LAPSED]
)
def test_what_is_decided_takes_no_votes(state: State) -> None:
    """All but pending absorb."""
    held = replace(TICKET, state=state, window_until=NOW + 1000)
    assert refused(held, actor(), APPROVE) == "already-decided"
    assert refused(held, actor(), REJECT) == "already-decided"


def test_the_deadline_counts_before_it_is_stored() -> None:
    """The last millisecond is in time, the next is not."""
    assert cast(TICKET, actor(), APPROVE, TICKET.expires_at - 1, RULES).changed
    assert refused(TICKET, actor(), APPROVE, TICKET.expires_at) == "already-decided"


def test_a_late_vote_would_count_without_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the stored state still says pending then."""
    monkeypatch.setattr(Ticket, "state_at", lambda self, _now: self.state)
    assert cast(TICKET, actor(), APPROVE, TICKET.expires_at + 1, RULES).state is State.APPROVED


def test_a_vote_on_something_else_than_what_was_shown_is_refused() -> None:
    """The card showed another request than the ticket holds."""
    assert refused(TICKET, actor(), replace(APPROVE, shown_digest="0" * 64)) == "stale-view"
    assert refused(TICKET, actor(), replace(APPROVE, shown_digest="")) == "stale-view"


def test_a_rejection_says_why_and_no_comment_is_a_book() -> None:
    """The requester reads it."""
    for blank in ("", " ", "\n\t"):
        assert refused(TICKET, actor(), replace(REJECT, comment=blank)) == "comment-missing"
    longest = "x" * COMMENT_MAX
    assert cast(TICKET, actor(), replace(REJECT, comment=longest), NOW, RULES).changed
    for ballot in (APPROVE, REJECT):
        assert refused(TICKET, actor(), replace(ballot, comment=f"{longest}x")) == "comment-too-long"


def test_a_ticket_has_room_for_so_many_approvals_and_for_every_rejection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a check counts is bounded; control: without the bound one more is taken."""
    anybody = approved_by(
        REQUIREMENT, Approver(ApproverKind.GROUP, "sre"), Approver(ApproverKind.GROUP, "legal")
    )
    held = replace(
        ticket(requirement=anybody), votes=tuple(vote(name=f"v{n}") for n in range(voting.VOTES_MAX))
    )
    assert refused(held, actor("zed"), APPROVE) == "votes-enough"
    assert cast(held, actor("zed"), REJECT, NOW, RULES).state is State.REJECTED
    monkeypatch.setattr(voting, "VOTES_MAX", voting.VOTES_MAX + 1)
    assert cast(held, actor("zed"), APPROVE, NOW, RULES).changed
