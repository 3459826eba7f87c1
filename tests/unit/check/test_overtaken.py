"""What is told where somebody else was faster: between our look at a ticket and our grip."""

from __future__ import annotations

from typing import Any

import pytest

from authz.domain.answer import Kind
from authz.domain.errors import StoreUnavailable
from authz.domain.identity import Identity
from authz.domain.ticket import State
from authz.services.check.call import CheckCall
from authz.services.check.taking_back import TakingBack
from authz.services.ports import RedeemResult
from authz.services.voting import TooContended
from tests.support.gated_requests import ISSUER, gated, with_headers
from tests.support.memory_store import MemoryStore
from tests.unit.check.test_acting import Rule, acting
from tests.unit.check.test_emergency_records import call
from tests.unit.check.world import AGAIN, DOCUMENT, PUBLIC_URL, World, body, demanding, retry, status

ALICE = {"ns": ISSUER, "id": "alice-1"}
TWO = demanding(approvers=[{"group": "sre", "count": 2}], grant={"uses": 2})


class Faster(MemoryStore):
    """Refuses every use with `result`, after `first` happened to the ticket."""

    result = RedeemResult.NOT_APPROVED

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.first: dict[str, Any] = {}

    async def redeem(self, ticket_id: str, *_: object) -> RedeemResult:
        self._world.change(self._world.mint.mint(ticket_id), **self.first)
        return self.result


@pytest.fixture
def store(world: World) -> Faster:
    world.memory = faster = Faster(world)
    return faster


async def test_a_ticket_that_was_just_replaced_leads_to_its_successor(world: World, store: Faster) -> None:
    newer = await world.held(gated(path="/newer"))
    token = await world.approved()
    store.first = {"state": State.SUPERSEDED, "replaced_by": world.ticket(newer).id}
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.ticket_id) == (Kind.HOLD, world.ticket(newer).id)


async def test_a_ticket_that_is_over_says_why_no_use_was_taken(world: World, store: Faster) -> None:
    token = await world.approved()
    store.first = {"state": State.REVOKED, "ended_at": store.now}
    outcome = await world.check(AGAIN, token)
    assert (status(outcome), outcome.detail) == (403, "not_approved")
    assert body(outcome)["type"] == "urn:holdgate:problem:revoked"


async def test_a_refusal_without_a_reason_to_ask_again_names_the_decision(
    world: World, store: Faster
) -> None:
    token = await world.approved()
    store.result = RedeemResult.CHANGED
    world.policy.result = {**demanding(), "dynamic_metadata": {"a": 1}}
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, "changed")
    assert (outcome.decision_id, outcome.metadata) == (f"decision-{len(world.policy.asked)}", {"a": 1})


async def test_the_ticket_in_the_place_of_a_spent_one_names_the_decision(world: World, store: Faster) -> None:
    token = await world.approved()
    store.result = RedeemResult.LAPSED
    outcome = await world.check(AGAIN, token)
    assert (outcome.kind, outcome.detail) == (Kind.HOLD, "ticket superseded")
    assert outcome.decision_id == f"decision-{len(world.policy.asked)}"
    assert outcome.ticket_id != world.ticket(token).id


async def test_a_ticket_that_can_not_be_replaced_for_others_is_named_in_the_error(world: World) -> None:
    token = await world.approved()

    async def busy(*_: object) -> None:
        return None

    world.policy.result = TWO
    late = with_headers(AGAIN, ("x-approval-ticket", token.encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.memory, "supersede", busy)
        with pytest.raises(StoreUnavailable) as error:
            await world.service().check(CheckCall(late, DOCUMENT, world.clock + 0.5, lambda: world.clock))
    ticket = world.ticket(token).id
    assert str(error.value) == f"ticket {ticket} changed 4 times while it was to be superseded"


async def test_taking_back_says_when_the_ticket_never_stood_still(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = world.ticket(await world.held())
    service = taking_back(world)

    async def unchanged(*_: object) -> Any:  # noqa: ANN401 - as it was loaded
        return await world.memory.load(ticket.id)

    monkeypatch.setattr(service, "_ended", unchanged)
    with pytest.raises(TooContended, match=f"^ticket {ticket.id} changed 3 times"):
        await service.take_back(call(world), ticket.id)


def taking_back(world: World) -> TakingBack:
    """Return what the world's own check takes tickets back with."""
    voting = acting(world, Rule())
    service = world.service()
    redeeming = service._redeeming
    return TakingBack(world.memory, redeeming._policy, redeeming._requesters, voting, PUBLIC_URL)


@pytest.mark.parametrize("approved", [False, True])
async def test_it_is_the_requester_who_acts_without_having_signed_in(world: World, approved: bool) -> None:
    """The operator's rule sees that, and the end has no words of anybody's."""
    world.people.strangers = {"alice"}
    world.policy.result = demanding(approvers=[{"group": "sre"}])
    token = await world.held()
    if approved:
        await world.vote(token, "bob")
        await world.vote(token, "carol")
    rule = Rule()
    service = taking_back(world)
    service._voting = acting(world, rule)
    await service.take_back(call(world), world.ticket(token).id)
    ((_, actor, _),) = rule.asked
    assert (actor.identity, actor.name) == (Identity(ISSUER, "alice-1"), "alice")
    assert (actor.method, actor.signed_in_at) == ("request", 0)
    ending = world.ticket(token).ending
    assert ending is not None
    assert (ending.name, ending.comment) == ("alice", "")


async def test_the_policy_is_not_asked_who_asks_where_that_is_known(world: World) -> None:
    world.sources = [world.sources[0], "policy"]
    token = await world.held()
    asked = len(world.policy.asked)
    await taking_back(world).take_back(call(world), world.ticket(token).id)
    assert world.ticket(token).state is State.CANCELLED
    assert len(world.policy.asked) == asked


async def test_else_it_is_asked_about_this_very_request(world: World) -> None:
    world.sources = ["policy"]
    world.policy.result = {**demanding(), "requester": ALICE}
    token = await world.held()
    await taking_back(world).take_back(call(world, claims={}), world.ticket(token).id)
    assert world.ticket(token).state is State.CANCELLED
    assert world.policy.asked[-1] == DOCUMENT


async def test_a_use_that_was_counted_before_more_was_asked_is_told_with_its_state(world: World) -> None:
    """Envoy's own retry is no wish for another approval."""
    world.policy.result = TWO
    token = await world.approved(None, "bob", "carol")
    assert (await world.check(retry(), token)).kind is Kind.ALLOW
    world.memory.now += 10_001
    world.policy.result = demanding(approvers=[{"group": "sre", "count": 2}], grant={"uses": 1})
    outcome = await world.check(retry(), token)
    assert (outcome.kind, outcome.detail) == (Kind.REFUSE, "used_up")
    assert body(outcome)["state"] == "approved"
