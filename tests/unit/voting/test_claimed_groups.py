"""Groups that the identity provider told of: whose they become, and what a vote says of them."""

from __future__ import annotations

from authz.domain.identity import Identity, Person
from authz.domain.sign_in import SignInRules
from authz.services.permissions import BuiltInRule
from authz.services.voting import CLAIMS, SignedIn, VotingService
from tests.support.memory_store import START_MS, MemoryStore
from tests.support.people import SampleDirectory
from tests.support.sample_tickets import ISSUER


def service() -> VotingService:
    return VotingService(
        MemoryStore(), SampleDirectory(), BuiltInRule(), SignInRules(frozenset({"strong"})), timeout=1
    )


def signed_in(name: str, groups: tuple[str, ...] | None) -> SignedIn:
    return SignedIn(
        Identity(ISSUER, f"{name}-1"), f"{name} of the claims", "oidc", START_MS, groups, START_MS
    )


async def test_they_count_in_place_of_the_directorys() -> None:
    actor = await service().actor(signed_in("bob", ("audit", "ops")))
    assert actor.person == Person("bob", "bob", frozenset({"audit", "ops"}), CLAIMS)


async def test_none_at_all_are_none() -> None:
    actor = await service().actor(signed_in("bob", ()))
    assert actor.person is not None
    assert actor.person.groups == frozenset()


async def test_without_them_the_directory_says() -> None:
    actor = await service().actor(signed_in("bob", None))
    assert actor.person == Person("bob", "bob", frozenset({"sre"}), "test")


async def test_whom_the_provider_alone_knows_is_somebody_who_is_linked_to_no_other_account() -> None:
    """So nobody can tell that this isn't another voter, or the requester."""
    actor = await service().actor(signed_in("erin", ("sre",)))
    stranger = Identity(ISSUER, "erin-1")
    assert actor.person == Person(
        str(stranger), "erin of the claims", frozenset({"sre"}), CLAIMS, linked=False
    )


async def test_whom_nobody_knows_stays_a_stranger() -> None:
    assert (await service().actor(signed_in("erin", None))).person is None
