"""Groups from the identity provider: who may vote by them, for how long, and what is written down."""

from __future__ import annotations

import pytest

from authz.domain.ticket import State, Ticket
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.unit.console.oidc_world import GROUPS_MAX_AGE_S, OidcWorld, Person
from tests.unit.console.world import all_text, identity, vote_form


@pytest.fixture
def world(guard: DemoGuard) -> OidcWorld:
    return OidcWorld(guard, oidc={"groups_claim": "groups"})


async def signed_in(world: OidcWorld, name: str, *groups: str) -> Person:
    world.provider.accounts[name]["groups"] = list(groups)
    person = world.person()
    answer = await person.sign_in(name)
    assert answer.status_code == 303, answer.text
    return person


async def approve(person: Person, ticket: Ticket) -> int:
    form = await vote_form(person.console, ticket)
    return (await person.console.post(f"/tickets/{ticket.id}/vote", data=form)).status_code


async def test_who_is_in_the_group_by_the_claim_may_approve_and_the_vote_says_so(world: OidcWorld) -> None:
    ticket = await world.held()
    dave = await signed_in(world, "dave", "sre", "other")
    assert await approve(dave, ticket) == 303
    done = await world.now(ticket)
    assert done.state is State.APPROVED
    assert (done.votes[0].groups, done.votes[0].groups_source) == (("other", "sre"), "claims")


async def test_who_is_in_it_by_the_directory_alone_may_not(world: OidcWorld, guard: DemoGuard) -> None:
    """The control is a console that takes groups from the directory."""
    for each, state in ((world, State.PENDING), (OidcWorld(guard), State.APPROVED)):
        ticket = await each.held()
        bob = await signed_in(each, "bob")
        page = await bob.console.get(f"/tickets/{ticket.id}")
        if state is State.APPROVED:
            await approve(bob, ticket)
        else:
            assert 'value="approve"' not in page.text
        assert (await each.now(ticket)).state is state


async def test_somebody_whom_the_directory_does_not_know_is_linked_to_no_other_account(
    world: OidcWorld,
) -> None:
    ticket = await world.held()
    eve = await signed_in(world, "eve", "sre")
    assert await approve(eve, ticket) == 303
    [vote] = (await world.now(ticket)).votes
    assert (vote.person, vote.linked) == (str(identity("eve")), False)


async def test_groups_are_believed_for_a_while_and_then_the_provider_is_asked_again(world: OidcWorld) -> None:
    ticket = await world.held()
    dave = await signed_in(world, "dave", "sre")
    form = await vote_form(dave.console, ticket)
    world.memory.now += int(GROUPS_MAX_AGE_S * 1000) + 1000
    assert (await dave.console.get(f"/tickets/{ticket.id}")).status_code == 401
    assert (await dave.console.post(f"/tickets/{ticket.id}/vote", data=form)).status_code == 401
    assert (await world.now(ticket)).votes == ()
    world.provider.accounts["dave"]["groups"] = []
    await dave.sign_in("dave")
    page = await dave.console.get(f"/tickets/{ticket.id}")
    assert 'value="approve"' not in page.text, "dave has left the group meanwhile"


async def test_groups_that_the_provider_left_out_sign_nobody_in(world: OidcWorld) -> None:
    world.provider.accounts["dave"]["_claim_names"] = {"groups": "src1"}
    answer = await world.person().sign_in("dave")
    assert answer.status_code == 403
    assert "more groups than" in all_text(answer.text)
