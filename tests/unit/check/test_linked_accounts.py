"""Whom the directory knows by one account alone may be one of the voters under another."""

from __future__ import annotations

import pytest

from authz.domain.answer import Kind
from authz.domain.ticket import State, TicketDraft
from tests.unit.check.world import AGAIN, World, body, demanding

BY_ONE = {"user": {"ns": "https://idp.example", "id": "carol-1"}}


async def test_one_approval_more_is_needed_for_a_requester_whose_accounts_are_not_linked(
    world: World,
) -> None:
    world.people.unlinked = {"alice"}
    token = await world.approved()
    ticket = world.ticket(token)
    assert (ticket.state, ticket.draft.requester_person) == (State.PENDING, "alice")
    assert body(await world.check(AGAIN, token))["progress"]["needed"] == 2
    await world.vote(token, "carol")
    assert world.ticket(token).state is State.APPROVED
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_control_where_any_person_will_do_one_approval_is_enough(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.people.unlinked = {"alice"}
    monkeypatch.setattr(
        TicketDraft, "requester_known", property(lambda draft: draft.requester_person is not None)
    )
    assert (await world.check(AGAIN, await world.approved())).kind is Kind.ALLOW


async def test_an_approval_from_before_the_accounts_were_in_doubt_is_judged_by_what_the_ticket_says(
    world: World,
) -> None:
    """Who the requester is was settled when the ticket was opened, as its votes were when they were given."""
    token = await world.approved()
    world.people.unlinked = {"alice"}
    assert (await world.check(AGAIN, token)).kind is Kind.ALLOW


async def test_a_demand_that_only_one_named_person_could_fill_is_an_error_for_them(world: World) -> None:
    """Nobody could give the approval more."""
    world.policy.result = demanding(approvers=[BY_ONE])
    assert (await world.check()).kind is Kind.HOLD
    world.people.unlinked = {"alice"}
    world.memory.tickets.clear()
    assert (await world.check()).detail == "policy_malformed"


async def test_it_is_the_requester_whose_accounts_matter_for_that(world: World) -> None:
    """A voter without linked accounts is told apart from other voters where the vote is taken."""
    world.people.unlinked = {"bob"}
    assert (await world.check(AGAIN, await world.approved())).kind is Kind.ALLOW
