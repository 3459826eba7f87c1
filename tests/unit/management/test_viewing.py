"""The operator's rule says who may look, wherever tickets and reviews are shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity
from authz.domain.requirement import Demand, Requirement, Risk
from authz.services.permissions import Action
from authz.services.voting import VotingService
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.operators_rule import OperatorsRule
from tests.support.people import TokenMaker
from tests.support.sample_tickets import ISSUER, draft
from tests.support.waiting_store import WaitingStore
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.approvals_pb2_grpc import ApprovalsAsyncStub

SRE = Approver(ApproverKind.GROUP, "sre", count=2)
NAMED = Approver(ApproverKind.USER, user=Identity(ISSUER, "carol-1"))
ANY = Approver(ApproverKind.ANY)


async def test_a_hidden_ticket_is_in_no_answer(
    stub: ApprovalsAsyncStub, store: WaitingStore, rule: OperatorsRule, tokens: TokenMaker
) -> None:
    shown = (await store.create(draft(1))).ticket.id
    hidden = (await store.create(draft(2))).ticket.id
    rule.denied = {(Action.VIEW, hidden)}
    who = tokens.metadata("bob")
    assert [one.id for one in (await stub.List(wire.ListRequest(), metadata=who)).tickets] == [shown]
    await stub.Get(wire.GetRequest(id=shown), metadata=who)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Get(wire.GetRequest(id=hidden), metadata=who)
    assert (failure(caught.value).status, failure(caught.value).reason) == (
        "PERMISSION_DENIED",
        "not-permitted",
    )
    stream = stub.Watch(wire.WatchRequest(after="0"), metadata=who)
    async with asyncio.timeout(5):
        event = await stream.read()
        assert isinstance(event, wire.Event)
        assert event.ticket_id == shown
        last = (await store.create(draft(3))).ticket.id
        event = await stream.read()
    assert isinstance(event, wire.Event)
    assert event.ticket_id == last
    stream.cancel()


async def test_without_the_question_it_would_be_in_all_of_them(
    stub: ApprovalsAsyncStub,
    store: WaitingStore,
    rule: OperatorsRule,
    tokens: TokenMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control of the test above."""
    hidden = (await store.create(draft(2))).ticket.id
    rule.denied = {(Action.VIEW, hidden)}

    async def everybody(*_: object) -> bool:
        return True

    monkeypatch.setattr(VotingService, "may_view", everybody)
    who = tokens.metadata("bob")
    assert [one.id for one in (await stub.List(wire.ListRequest(), metadata=who)).tickets] == [hidden]
    assert (await stub.Get(wire.GetRequest(id=hidden), metadata=who)).id == hidden


async def test_get_says_what_the_rules_demand_and_what_an_approval_is_good_for(
    stub: ApprovalsAsyncStub, store: WaitingStore, tokens: TokenMaker
) -> None:
    demands = (
        Demand("delete-production", "deletes", ((SRE, NAMED), (ANY,))),
        Demand("on-sunday", "nobody is there", ((ANY,),)),
    )
    terms = Requirement(
        demands,
        60_000,
        uses=3,
        valid_for_ms=90_500,
        scope="kubectl",
        risk=Risk.HIGH,
        body_ignores=("/clientToken",),
    )
    held = replace(draft(requirement=terms), justification="\u202eplease", shared=True)
    await store.create(held)
    listed = (await stub.List(wire.ListRequest(), metadata=tokens.metadata("bob"))).tickets[0]
    ticket = await stub.Get(wire.GetRequest(id=held.id), metadata=tokens.metadata("bob"))
    assert [(one.rule, one.reason) for one in ticket.demands] == [
        ("delete-production", "deletes"),
        ("on-sunday", "nobody is there"),
    ]
    first, second = ticket.demands[0].alternatives
    assert [(seat.WhichOneof("who"), seat.count) for seat in first.seats] == [("group", 2), ("user", 1)]
    assert (first.seats[0].group, first.seats[1].user.id) == ("sre", "carol-1")
    assert [seat.WhichOneof("who") for seat in second.seats] == ["anybody"]
    assert (ticket.risk, ticket.justification, ticket.shared) == (wire.RISK_HIGH, "\u202eplease", True)
    assert (ticket.grant.uses, ticket.grant.valid_for.ToMilliseconds()) == (3, 90_500)
    assert (ticket.grant.scope, list(ticket.grant.body_ignores)) == ("kubectl", ["/clientToken"])
    assert (listed.risk, listed.grant.scope, listed.shared) == (wire.RISK_HIGH, "kubectl", True)
    assert (listed.justification, len(listed.demands)) == ("", 0)
