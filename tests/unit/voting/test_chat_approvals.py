"""What the commands of chats find: tickets that wait for somebody, and the one behind a code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authz.domain.errors import VoteRefused
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Choice
from authz.domain.token import short_code
from authz.services import chat_approvals
from authz.services.chat_approvals import PAGE, ChatApprovals
from authz.services.permissions import Action
from authz.services.ports import Loaded
from authz.services.voting import SignedIn, VotingService
from tests.support.memory_store import MemoryStore
from tests.support.operators_rule import OperatorsRule
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import ISSUER, REQUIREMENT, draft


class World:
    """Tickets of alice, and people who ask."""

    def __init__(self) -> None:
        self.store = MemoryStore(max_open=5000)
        self.rule = OperatorsRule()
        # A sign-in in a chat is called strong here, so that nothing but the rule about chats keeps a high risk out.
        rules = SignInRules(frozenset({"slack"}), 600_000)
        self.voting = VotingService(self.store, SampleDirectory(), self.rule, rules, timeout=1)
        self.approvals = ChatApprovals(self.store, self.voting)

    def who(self, name: str) -> SignedIn:
        return SignedIn(Identity(ISSUER, f"{name}-1"), name, "slack", self.store.now)

    async def hold(self, number: int = 0, risk: Risk = Risk.NORMAL) -> Loaded:
        made = await self.store.create(draft(number, requirement=replace(REQUIREMENT, risk=risk)))
        return Loaded(made.ticket, made.now)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_newest_that_somebody_is_asked_about_are_listed(world: World) -> None:
    held = [await world.hold(number) for number in range(4)]
    found = await world.approvals.waiting(world.who("bob"), 3)
    assert [one.ticket.id for one in found.tickets] == [one.ticket.id for one in reversed(held)][:3]
    assert found.more
    assert not (await world.approvals.waiting(world.who("bob"), 4)).more


@pytest.mark.parametrize("name", ["alice", "dave", "erin"])
async def test_nothing_waits_for_the_requester_and_those_whom_nobody_asked(world: World, name: str) -> None:
    await world.hold()
    assert (await world.approvals.waiting(world.who(name), 3)).tickets == ()


async def test_nothing_is_searched_for_whom_the_directory_does_not_know(world: World) -> None:
    held = await world.hold()
    code = short_code(held.ticket.id)
    world.store.calls.clear()
    assert (await world.approvals.waiting(world.who("erin"), 3)).tickets == ()
    assert await world.approvals.named(world.who("erin"), code) is None
    assert "page" not in world.store.calls
    # Somebody whom it knows and nobody asked costs a search: what they may see isn't known before.
    assert await world.approvals.named(world.who("dave"), code) is not None
    assert (await world.approvals.waiting(world.who("dave"), 3)).tickets == ()
    assert world.store.calls.count("page") == 2


async def test_requesters_whom_nobody_knows_find_their_own_by_its_id(world: World) -> None:
    mine = replace(draft(), requester=Principal(Identity(ISSUER, "erin-1"), "erin"))
    held = (await world.store.create(mine)).ticket
    found = await world.approvals.named(world.who("erin"), held.id)
    assert found is not None
    assert await world.approvals.named(world.who("erin"), short_code(held.id)) is None


async def test_what_is_over_by_the_clock_waits_for_nobody(world: World) -> None:
    held = await world.hold()
    world.store.now = held.ticket.expires_at
    assert (await world.approvals.waiting(world.who("bob"), 3)).tickets == ()


async def test_what_may_not_be_seen_is_neither_listed_nor_found(world: World) -> None:
    held = await world.hold()
    world.rule.denied.add(Action.VIEW)
    assert (await world.approvals.waiting(world.who("bob"), 3)).tickets == ()
    assert await world.approvals.named(world.who("bob"), short_code(held.ticket.id)) is None
    assert await world.approvals.named(world.who("bob"), held.ticket.id) is None


async def test_a_code_is_found_however_it_is_written_and_so_is_an_id(world: World) -> None:
    held = await world.hold()
    code = short_code(held.ticket.id)
    for written in (code, code.lower(), code.replace("-", ""), held.ticket.id):
        found = await world.approvals.named(world.who("bob"), written)
        assert found is not None
        assert found.ticket.id == held.ticket.id
    for other in ("", "ABC-DEF", code[:-1], f"{code}A"):
        assert await world.approvals.named(world.who("bob"), other) is None


async def test_a_code_that_two_tickets_have_names_neither(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.hold(1)
    await world.hold(2)
    monkeypatch.setattr(chat_approvals, "short_code", lambda _id: "ABC-DEF")
    assert await world.approvals.named(world.who("bob"), "ABC-DEF") is None


async def test_the_search_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_approvals, "SEARCHED_MAX", 2 * PAGE)
    oldest = await world.hold(0)
    code = short_code(oldest.ticket.id)
    for number in range(1, 2 * PAGE):
        await world.hold(number)
    assert await world.approvals.named(world.who("bob"), code) is not None
    await world.hold(2 * PAGE)
    world.store.calls.clear()
    assert await world.approvals.named(world.who("bob"), code) is None
    assert world.store.calls.count("page") == 2


@pytest.mark.parametrize(
    ("name", "code"), [("alice", "own-request"), ("dave", "not-an-approver"), ("erin", "unknown-person")]
)
async def test_whoever_may_not_vote_is_told_before_a_reason_is_asked_for(
    world: World, name: str, code: str
) -> None:
    held = await world.hold()
    with pytest.raises(VoteRefused) as refused:
        await world.approvals.check(held, world.who(name), Choice.REJECT)
    assert refused.value.code == code
    await world.approvals.check(held, world.who("bob"), Choice.REJECT)


async def test_a_high_risk_and_what_is_over_are_refused_before_as_well(world: World) -> None:
    risky = await world.hold(1, Risk.HIGH)
    with pytest.raises(VoteRefused, match="on the page alone"):
        await world.approvals.check(risky, world.who("bob"), Choice.REJECT)
    held = await world.hold(2)
    with pytest.raises(VoteRefused, match="already expired"):
        await world.approvals.check(
            Loaded(held.ticket, held.ticket.expires_at), world.who("bob"), Choice.REJECT
        )
