"""A press of a button in a chat, or a command: what counts, what doesn't, and what who pressed is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authz.domain import voting as voting_rules
from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import PolicyUnavailable, StoreUnavailable
from authz.domain.identity import Identity, Person
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice, State, TicketDraft
from authz.services.chat_deciding import ChatDeciding, Press
from authz.services.permissions import BuiltInRule
from authz.services.voting import SignedIn, VotingService
from tests.support.memory_store import START_MS, MemoryStore
from tests.support.people import SampleDirectory
from tests.support.requirements import approved_by
from tests.support.sample_tickets import ISSUER, REQUIREMENT, draft
from tests.support.sentences import is_prose

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))


class Presses:
    """Remembers presses, unless a test takes that out."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.broken = False

    async def first(self, channel: str, callback: str) -> bool:
        known = (channel, callback) in self.seen
        self.seen.add((channel, callback))
        return self.broken or not known


class World:
    """A held ticket, the people of the directory, and a chat that vouches for whom a test says."""

    def __init__(self, held: TicketDraft) -> None:
        self.store = MemoryStore()
        self.presses = Presses()
        # `teams` is called strong here, so that nothing but the rule of this service keeps a high risk out.
        rules = SignInRules(frozenset({"teams"}), 600_000)
        self.voting = VotingService(self.store, SampleDirectory(), BuiltInRule(), rules, timeout=1)
        self.deciding = ChatDeciding(self.store, self.voting, self.presses)
        self.held = held

    async def hold(self) -> World:
        await self.store.create(self.held)
        return self

    def press(self, name: str = "bob", **different: Any) -> Press:  # noqa: ANN401 - any field of a press
        press = Press(
            channel="ops",
            callback="press-1",
            at=self.store.now,
            method="teams",
            identity=Identity(ISSUER, f"{name}-1"),
            name=f"{name} of the chat",
            ticket_id=self.held.id,
            choice=Choice.APPROVE,
            comment="",
            shown_digest=self.held.fingerprint.payload_digest,
        )
        return replace(press, **different)

    @property
    def state(self) -> State:
        return self.store.tickets[self.held.id].state

    @property
    def voters(self) -> list[str]:
        return [vote.person for vote in self.store.tickets[self.held.id].votes]


@pytest.fixture
async def world() -> World:
    return await World(draft(requirement=TWO)).hold()


async def test_a_press_is_a_vote_like_any_other(world: World) -> None:
    answer = await world.deciding.decide(world.press())
    assert (answer.sentence, answer.code, answer.repeated) == ("Your approval was recorded.", "", False)
    assert answer.loaded is not None
    [vote] = answer.loaded.ticket.votes
    assert (vote.person, vote.method, vote.identity) == ("bob", "teams", Identity(ISSUER, "bob-1"))
    assert vote.name == "bob", "the directory's name, not what the chat shows"
    answer = await world.deciding.decide(world.press("carol", callback="press-2"))
    assert world.state is State.APPROVED


async def test_a_rejection_needs_its_reason_and_says_that_it_was_recorded(world: World) -> None:
    rejecting = world.press(choice=Choice.REJECT)
    assert (await world.deciding.decide(rejecting)).code == "comment-missing"
    answer = await world.deciding.decide(replace(rejecting, callback="press-2", comment="not on a Friday"))
    assert (answer.sentence, answer.code) == ("Your rejection was recorded.", "")
    assert world.state is State.REJECTED


async def replayed_after_a_withdrawal(world: World, **different: Any) -> str:  # noqa: ANN401 - as in `press`
    """Press, withdraw, and have the chat send that press once more; return the code of what came of it."""
    press = world.press()
    await world.deciding.decide(press)
    world.store.now += 1000
    await world.voting.withdraw(world.held.id, SignedIn(press.identity, "bob", "demo", world.store.now))
    world.store.now += 1000
    return (await world.deciding.decide(replace(press, **different))).code


async def test_the_same_press_counts_once_for_ever(world: World) -> None:
    assert await replayed_after_a_withdrawal(world) == "repeated"
    assert world.voters == []


async def test_a_press_that_comes_late_is_void_once_its_vote_was_withdrawn(world: World) -> None:
    """The one before the withdrawal was another press of the same person, which got lost for a while."""
    assert await replayed_after_a_withdrawal(world, callback="press-0") == "withdrawn-since"
    assert world.voters == []


async def test_a_press_after_the_withdrawal_counts(world: World) -> None:
    at = world.store.now + 1500
    assert await replayed_after_a_withdrawal(world, callback="press-2", at=at) == ""
    assert world.voters == ["bob"]


async def test_a_time_that_is_yet_to_come_doesnt_outlive_a_withdrawal(world: World) -> None:
    """A chat's clock may be wrong; such a press counts as one of now, and void if withdrawn in the same moment."""
    late = world.press(callback="press-0", at=world.store.now + 10_000_000)
    await world.deciding.decide(world.press())
    await world.voting.withdraw(world.held.id, SignedIn(late.identity, "bob", "demo", world.store.now))
    assert (await world.deciding.decide(late)).code == "withdrawn-since"


@pytest.mark.parametrize("guard", ["callbacks", "withdrawals"])
async def test_without_either_guard_a_withdrawn_vote_would_come_back(
    world: World, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: each guard is tried without the other, which would hide that it is gone."""
    world.presses.broken = True
    if guard == "callbacks":
        later = world.store.now + 1500  # a press whose time the withdrawal doesn't void
        assert await replayed_after_a_withdrawal(world, at=later) == ""
    else:
        monkeypatch.setattr(voting_rules, "_check_pressed_since", lambda *_: None)
        assert await replayed_after_a_withdrawal(world) == ""
    assert world.voters == ["bob"]


async def test_a_high_risk_is_never_decided_in_a_chat() -> None:
    world = await World(draft(requirement=replace(TWO, risk=Risk.HIGH))).hold()
    answer = await world.deciding.decide(world.press())
    assert answer.code == "high-risk-on-page"
    assert world.voters == []


async def test_without_that_rule_it_would_be(world: World) -> None:
    """The control: the vote service takes it, from a chat whose sign-in the operator calls strong."""
    high = await World(draft(requirement=replace(TWO, risk=Risk.HIGH))).hold()
    press = high.press()
    ballot = voting_rules.Ballot(press.choice, "", press.shown_digest)
    await high.voting.vote(high.held.id, SignedIn(press.identity, "bob", "teams", press.at), ballot)
    assert high.voters == ["bob"]
    assert world.voters == []


async def test_what_was_shown_has_to_be_what_the_ticket_holds(world: World) -> None:
    """Who pressed gets the ticket to look at again."""
    answer = await world.deciding.decide(world.press(shown_digest="0" * 64))
    assert answer.code == "stale-view"
    assert answer.loaded is not None
    assert answer.loaded.ticket.id == world.held.id
    assert world.voters == []


@pytest.mark.parametrize(
    ("name", "code", "shown"),
    [
        ("alice", "own-request", True),
        ("dave", "not-an-approver", False),
        ("mallory", "unknown-person", False),
    ],
)
async def test_who_may_not_vote_is_told_so_and_strangers_are_shown_nothing(
    world: World, name: str, code: str, shown: bool
) -> None:
    answer = await world.deciding.decide(world.press(name))
    assert (answer.code, answer.loaded is not None) == (code, shown)
    assert world.voters == []


async def test_another_directorys_namesake_is_nobody(world: World) -> None:
    answer = await world.deciding.decide(world.press(identity=Identity("https://other.example", "bob-1")))
    assert answer.code == "unknown-person"


@pytest.mark.parametrize("ticket_id", ["", "nonsense", draft(7).id, "0-" + "a" * 4000])
async def test_no_ticket_is_no_ticket_and_uses_no_press_up(world: World, ticket_id: str) -> None:
    answer = await world.deciding.decide(world.press(ticket_id=ticket_id))
    assert (answer.code, answer.loaded) == ("unknown-ticket", None)
    assert (await world.deciding.decide(world.press())).code == ""


async def test_a_late_press_is_told_how_it_ended(world: World) -> None:
    world.store.tickets[world.held.id] = replace(
        world.store.tickets[world.held.id], state=State.CANCELLED, ended_at=START_MS
    )
    answer = await world.deciding.decide(world.press())
    assert (answer.code, "cancelled" in answer.sentence) == ("already-decided", True)
    assert answer.loaded is not None


async def test_every_answer_is_prose(world: World) -> None:
    sentences = [
        (await world.deciding.decide(world.press(name, callback=callback))).sentence
        for name, callback in (("bob", "1"), ("bob", "1"), ("alice", "2"), ("dave", "3"), ("mallory", "4"))
    ]
    sentences.append((await world.deciding.decide(world.press(ticket_id="x"))).sentence)
    assert [sentence for sentence in sentences if not is_prose(sentence)] == []


async def test_an_outage_is_raised_and_the_next_press_counts(world: World) -> None:
    world.store.down = True
    with pytest.raises(StoreUnavailable):
        await world.deciding.decide(world.press())
    world.store.down = False
    assert (await world.deciding.decide(world.press())).code == ""


@pytest.mark.parametrize("what", ["recorded", "refused"])
async def test_what_came_of_a_press_is_said_even_where_the_directory_is_gone_right_afterwards(
    world: World, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who hears that nothing was recorded would press again, or believe that it is still open."""
    asked = 0
    person = SampleDirectory.person

    async def gone_after_the_first(
        self: SampleDirectory, identity: Identity, timeout: float
    ) -> Person | None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise PolicyUnavailable("OPA is away")
        return await person(self, identity, timeout)

    monkeypatch.setattr(SampleDirectory, "person", gone_after_the_first)
    answer = await world.deciding.decide(world.press("bob" if what == "recorded" else "alice"))
    assert (answer.code, answer.loaded) == ("" if what == "recorded" else "own-request", None)
    assert world.voters == (["bob"] if what == "recorded" else [])
