"""What the service asks of others for each action, and what it has stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor, Identity, Person
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, Ticket, Vote
from authz.domain.voting import Ballot
from authz.services.permissions import Action, Permission
from authz.services.ports import Loaded
from authz.services.voting import RELOADS_MAX, SignedIn, TooContended, VotingService
from tests.support.memory_store import START_MS, MemoryStore
from tests.support.requirements import approved_by, requirement
from tests.support.sample_tickets import ISSUER, REQUIREMENT, draft
from tests.support.sentences import is_prose

TIMEOUT = 0.75
TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))
PEOPLE = {
    "bob-1": Person("bob", "Bob of the directory", frozenset({"sre", "dev"}), "test"),
    "carol-1": Person("carol", "carol", frozenset({"sre"}), "test"),
    "alice-1": Person("alice", "alice", frozenset({"admin"}), "test"),
}
Act = Callable[[VotingService, str], Awaitable[Loaded]]


@dataclass
class Asked:
    """A directory and a rule: `questions` has all that they were asked, `answer` is the rule's."""

    answer: Permission = Permission(allowed=True)  # noqa: RUF009 - frozen
    questions: list[tuple[object, ...]] = field(default_factory=list)

    async def person(self, identity: Identity, timeout: float) -> Person | None:
        self.questions.append((identity, timeout))
        return PEOPLE.get(identity.id)

    async def permits(
        self, action: Action, actor: Actor, subject: Mapping[str, object], timeout: float
    ) -> Permission:
        self.questions.append((action, actor, subject["id"], subject["state"], timeout))
        return self.answer


class Contended(MemoryStore):
    """Lets somebody else change the ticket before each of the first `others` writes."""

    def __init__(self) -> None:
        super().__init__()
        self.others = 0
        self.until: int | None = None

    async def vote(
        self,
        ticket_id: str,
        rev: int,
        votes: Sequence[Vote],
        state: State,
        reason: Mapping[str, object],
        until: int | None = None,
    ) -> Loaded | None:
        self.until = until
        if self._lost("vote"):
            return None
        return await super().vote(ticket_id, rev, votes, state, reason, until)

    async def withdraw(self, ticket_id: str, rev: int, person: str) -> Loaded | None:
        return None if self._lost("withdraw") else await super().withdraw(ticket_id, rev, person)

    def _lost(self, name: str) -> bool:
        if self.others:
            self.others -= 1
            self.calls.append(name)
            return True
        return False


@pytest.fixture
def store() -> Contended:
    return Contended()


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def service(store: Contended, asked: Asked) -> VotingService:
    return VotingService(store, asked, asked, SignInRules(frozenset({"passkey"})), timeout=TIMEOUT)


def who(name: str = "bob") -> SignedIn:
    return SignedIn(Identity(ISSUER, f"{name}-1"), f"{name} of the token", "passkey", START_MS - 1000)


def ballot(ticket: Ticket, choice: Choice = Choice.APPROVE, comment: str = "") -> Ballot:
    return Ballot(choice, comment, ticket.draft.fingerprint.payload_digest)


async def test_an_actor_has_the_directorys_name_and_the_sign_in_as_it_was(
    service: VotingService, asked: Asked
) -> None:
    actor = await service.actor(who())
    assert actor == Actor(
        Identity(ISSUER, "bob-1"), "Bob of the directory", PEOPLE["bob-1"], "passkey", START_MS - 1000
    )
    assert asked.questions == [(Identity(ISSUER, "bob-1"), TIMEOUT)]


async def test_a_stranger_keeps_the_name_of_the_sign_in(service: VotingService) -> None:
    actor = await service.actor(who("mallory"))
    assert (actor.name, actor.person) == ("mallory of the token", None)


async def test_the_rule_is_asked_who_may_look_at_a_ticket_as_it_is_by_now(
    service: VotingService, store: Contended, asked: Asked
) -> None:
    held = (await store.create(draft())).ticket
    actor = await service.actor(who())
    assert await service.may_view(actor, Loaded(held, held.expires_at))
    assert asked.questions[-1] == (Action.VIEW, actor, held.id, "expired", TIMEOUT)


async def test_an_approval_is_stored_with_all_that_an_auditor_asks(
    service: VotingService, store: Contended
) -> None:
    """The event says as whom they voted, what they were shown, and whether that decided it."""
    held = (await store.create(draft())).ticket
    after = await service.vote(held.id, who(), ballot(held, comment="looks right"))
    assert (after.ticket.state, after.ticket) == (State.APPROVED, store.tickets[held.id])
    assert store.log[-1].data == {
        "rule": "delete-production",
        "choice": "approve",
        "by": {"ns": ISSUER, "id": "bob-1", "name": "Bob of the directory", "person": "bob"},
        "groups": ["dev", "sre"],
        "groups_source": "test",
        "method": "passkey",
        "signed_in_at": START_MS - 1000,
        "comment": "looks right",
        "shown_digest": held.draft.fingerprint.payload_digest,
        "decides": True,
    }


async def test_the_first_of_two_approvals_decides_nothing_and_a_rejection_does(
    service: VotingService, store: Contended
) -> None:
    held = (await store.create(draft(requirement=TWO))).ticket
    await service.vote(held.id, who(), ballot(held))
    assert store.log[-1].data["decides"] is False
    after = await service.vote(held.id, who("carol"), ballot(held, Choice.REJECT, "not today"))
    assert after.ticket.state is State.REJECTED
    last = store.log[-1].data
    assert (last["choice"], last["comment"], last["decides"]) == ("reject", "not today", True)


@pytest.mark.parametrize(("risk", "until"), [(Risk.NORMAL, None), (Risk.HIGH, START_MS + 299_000)])
async def test_a_high_risk_bounds_the_time_that_a_vote_may_get(
    service: VotingService, store: Contended, risk: Risk, until: int | None
) -> None:
    """The sign-in is a second old, and five minutes are allowed."""
    held = (await store.create(draft(requirement=requirement(risk=risk)))).ticket
    await service.vote(held.id, who(), ballot(held))
    assert store.until == until


VOTES: dict[Action, Act] = {
    Action.APPROVE: lambda service, at: service.vote(at, who(), ballot_of(at, Choice.APPROVE)),
    Action.REJECT: lambda service, at: service.vote(at, who(), ballot_of(at, Choice.REJECT, "no")),
    Action.WITHDRAW: lambda service, at: service.withdraw(at, who("carol")),
    Action.CANCEL: lambda service, at: service.cancel(at, who("alice"), "not needed"),
    Action.REVOKE: lambda service, at: service.revoke(at, who(), "too soon"),
}


def ballot_of(ticket_id: str, choice: Choice, comment: str = "") -> Ballot:
    """Return a ballot on the sample ticket of this id."""
    (held,) = (one for one in (draft(0), draft(1)) if one.id == ticket_id)
    return Ballot(choice, comment, held.fingerprint.payload_digest)


async def acted_on(action: Action, store: MemoryStore) -> Ticket:
    """Store a ticket that this action is possible on: a grant, or a pending one with carol's approval."""
    held = (await store.create(draft(0, requirement=TWO))).ticket
    given = Vote(
        choice=Choice.APPROVE,
        person="carol",
        identity=Identity(ISSUER, "carol-1"),
        name="carol",
        groups=("sre",),
        groups_source="test",
        method="passkey",
        signed_in_at=START_MS,
        at=START_MS,
        comment="",
        shown_digest="",
    )
    state = State.APPROVED if action is Action.REVOKE else State.PENDING
    await store.vote(held.id, held.rev, [given], state, {})
    return store.tickets[held.id]


@pytest.mark.parametrize("action", VOTES)
async def test_the_rule_is_asked_about_this_ticket_as_it_is_and_in_time(
    service: VotingService, store: Contended, asked: Asked, action: Action
) -> None:
    held = await acted_on(action, store)
    after = await VOTES[action](service, held.id)
    assert after.ticket == store.tickets[held.id] != held
    ((_, timeout), (about, actor, *subject)) = asked.questions
    assert (about, actor) == (action, await service.actor(who_acts(action)))
    assert (timeout, subject) == (TIMEOUT, [held.id, held.state.value, TIMEOUT])


def who_acts(action: Action) -> SignedIn:
    return who({Action.WITHDRAW: "carol", Action.CANCEL: "alice"}.get(action, "bob"))


@pytest.mark.parametrize("action", VOTES)
@pytest.mark.parametrize("reason", ["Not on a Friday.", ""])
async def test_a_rule_that_refuses_is_obeyed_and_its_reason_told(
    service: VotingService, store: Contended, asked: Asked, action: Action, reason: str
) -> None:
    """A rule without a reason has one of ours."""
    held = await acted_on(action, store)
    asked.answer = Permission(allowed=False, reason=reason)
    with pytest.raises(VoteRefused) as refused:
        await VOTES[action](service, held.id)
    assert refused.value.code == "not-permitted"
    assert str(refused.value) == reason or (not reason and is_prose(str(refused.value)))
    assert store.tickets[held.id] == held


@pytest.mark.parametrize("action", VOTES)
async def test_an_unknown_ticket_is_said_to_be_one(
    service: VotingService, asked: Asked, action: Action
) -> None:
    with pytest.raises(VoteRefused) as refused:
        await VOTES[action](service, draft(1).id)
    assert refused.value.code == "unknown-ticket"
    assert is_prose(str(refused.value))
    assert len(asked.questions) == 1


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT, Action.WITHDRAW])
async def test_who_loses_a_race_is_judged_anew_until_it_is_too_much(
    service: VotingService, store: Contended, asked: Asked, action: Action
) -> None:
    held = await acted_on(action, store)
    store.others, store.calls = RELOADS_MAX - 1, []
    after = await VOTES[action](service, held.id)
    assert after.ticket.rev == held.rev + 1
    assert store.calls.count("load") == RELOADS_MAX
    assert [question[0] for question in asked.questions[1:]] == [action] * RELOADS_MAX


async def test_a_ticket_that_always_changes_is_named_in_the_error(
    service: VotingService, store: Contended
) -> None:
    held = await acted_on(Action.APPROVE, store)
    store.others = RELOADS_MAX
    with pytest.raises(TooContended, match=f"^ticket {held.id} changed {RELOADS_MAX} times"):
        await VOTES[Action.APPROVE](service, held.id)
    assert store.tickets[held.id] == held


@pytest.mark.parametrize("action", [Action.CANCEL, Action.REVOKE])
async def test_an_ending_says_who_did_it_how_they_signed_in_and_why(
    service: VotingService, store: Contended, action: Action
) -> None:
    held = await acted_on(action, store)
    ended = (await VOTES[action](service, held.id)).ticket.ending
    assert ended is not None
    actor = await service.actor(who_acts(action))
    assert actor.person is not None
    assert (ended.identity, ended.name, ended.person) == (actor.identity, actor.name, actor.person.id)
    assert ended.method == "passkey"
    assert ended.comment in {"not needed", "too soon"}


class Refusals:
    """Notes what an observer is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, str]] = []

    def refused(self, action: Action, ticket_id: str, signed_in: SignedIn, code: str) -> None:
        self.told.append((action.value, ticket_id, signed_in.identity.id, code))


async def test_who_was_refused_what_is_told_and_what_was_done_is_the_audits() -> None:
    store, refusals = MemoryStore(), Refusals()
    held = (await store.create(draft(requirement=TWO))).ticket
    asked = Asked()
    service = VotingService(
        store, asked, asked, SignInRules(frozenset({"demo"})), timeout=TIMEOUT, observer=refusals
    )
    digest = held.draft.fingerprint.payload_digest

    def who(name: str) -> SignedIn:
        return SignedIn(Identity(ISSUER, f"{name}-1"), name, "demo", START_MS)

    await service.vote(held.id, who("bob"), Ballot(Choice.APPROVE, "", digest))
    assert refusals.told == []
    actions: list[Callable[[], Awaitable[Loaded]]] = [
        lambda: service.vote(held.id, who("alice"), Ballot(Choice.APPROVE, "", digest)),
        lambda: service.vote(held.id, who("bob"), Ballot(Choice.REJECT, "no", digest)),
        lambda: service.withdraw(held.id, who("carol")),
        lambda: service.cancel(held.id, who("bob"), ""),
        lambda: service.revoke(held.id, who("bob"), ""),
    ]
    for action in actions:
        with pytest.raises(VoteRefused):
            await action()
    assert refusals.told == [
        ("approve", held.id, "alice-1", "own-request"),
        ("reject", held.id, "bob-1", "already-voted"),
        ("withdraw", held.id, "carol-1", "not-voted"),
        ("cancel", held.id, "bob-1", "not-your-request"),
        ("revoke", held.id, "bob-1", "not-approved"),
    ]
