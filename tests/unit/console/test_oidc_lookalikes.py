"""An account that bears an approver's names: by what the provider vouches for it is still another person."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from authz.adapters.oidc import claims
from authz.domain.identity import Identity
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.unit.console.oidc_world import OidcWorld
from tests.unit.console.world import identity, vote_form

ADDRESS = "bob@example.org"
NAMES = {"name": "Bob", "email": ADDRESS, "email_verified": True, "preferred_username": "bob", "upn": ADDRESS}


async def voted(world: OidcWorld) -> list[str]:
    """Let dave, who is no approver, sign in under bob's names and vote; return as whom votes were recorded."""
    world.provider.accounts["dave"] |= NAMES
    ticket = await world.held()
    dave = world.person()
    await dave.sign_in("dave")
    page = f"/tickets/{ticket.id}"
    if f"{page}/vote" in (await dave.console.get(page)).text:
        await dave.console.post(f"{page}/vote", data=await vote_form(dave.console, ticket))
    return [vote.identity.id for vote in (await world.now(ticket)).votes]


async def test_the_names_of_an_approver_make_nobody_one(guard: DemoGuard) -> None:
    world = OidcWorld(guard)
    assert await voted(world) == [], "there is no form on the page for whom the rule doesn't ask"
    [session] = world.sessions.open.values()
    assert session.signed_in.identity == identity("dave")


async def test_control_who_goes_by_addresses_takes_dave_for_bob(
    guard: DemoGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_address(told: Mapping[str, object], issuer: str) -> Identity:
        return Identity(issuer, identity("bob").id if told.get("email") == ADDRESS else str(told["sub"]))

    monkeypatch.setattr(claims, "_identity", by_address)
    assert await voted(OidcWorld(guard)) == [identity("bob").id]
