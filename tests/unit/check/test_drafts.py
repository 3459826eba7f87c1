"""What of a held request is kept, who is asked about it, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from authz.domain.answer import Kind
from authz.domain.identity import Actor, Identity, Person
from authz.domain.principal_source import parse_principal_source
from authz.domain.request import GatedRequest
from authz.services.check.requesters import Requesters
from authz.services.permissions import Action, Permission
from tests.support.gated_requests import ISSUER, gated
from tests.unit.check.world import JWT, World, status


@dataclass
class Asked:
    """The directory and the rule in one, which note what they are asked."""

    people: list[tuple[Identity, float]] = field(default_factory=list)
    rules: list[tuple[Action, Actor, float]] = field(default_factory=list)

    async def person(self, identity: Identity, timeout: float) -> Person | None:
        self.people.append((identity, timeout))
        return Person("alice", "Alice of the directory", frozenset({"sre"}), "test")

    async def permits(
        self,
        action: Action,
        actor: Actor,
        subject: Mapping[str, object],  # noqa: ARG002 - the port's
        timeout: float,
    ) -> Permission:
        self.rules.append((action, actor, timeout))
        return Permission(allowed=True)


@pytest.fixture
def asked(world: World) -> Asked:
    asked = Asked()
    world.people, world.rule = asked, asked  # type: ignore[assignment]
    return asked


async def test_scheme_and_source_are_kept_for_people_to_see(world: World) -> None:
    token = await world.held()
    request = world.ticket(token).draft.request
    sent = gated()
    assert (request.scheme, request.source_address) == (sent.scheme, sent.source_address)
    assert request.scheme
    assert request.source_address


async def test_the_requesters_missing_name_is_the_directorys(world: World, asked: Asked) -> None:
    nameless = {"iss": ISSUER, "sub": "alice-1"}
    [namespace] = gated().claims
    token = await world.held(gated(claims={namespace: {"jwt": nameless}}))
    assert world.ticket(token).draft.requester.name == "Alice of the directory"
    [(_, actor, _)] = asked.rules
    assert (actor.name, actor.method, actor.signed_in_at) == ("Alice of the directory", "request", 0)
    assert actor.person is not None
    assert actor.person.id == "alice"


@pytest.mark.parametrize(("budget", "least", "most"), [(60.0, 0.15, 0.15), (0.1, 0.0, 0.1)])
async def test_directory_and_rule_are_asked_for_no_longer_than_the_check_has(
    world: World, asked: Asked, budget: float, least: float, most: float
) -> None:
    world.budget = budget
    await world.held()
    for timeout in (*(one[1] for one in asked.people), *(one[2] for one in asked.rules)):
        assert least <= timeout <= most
    assert asked.people
    assert asked.rules


@pytest.mark.parametrize(
    "request_", [replace(gated(), method=""), replace(gated(), path="")], ids=["method", "path"]
)
async def test_what_is_no_http_request_can_not_be_held(world: World, request_: GatedRequest) -> None:
    """A check of a TCP connection has neither."""
    outcome = await world.check(request_)
    assert (outcome.kind, status(outcome)) == (Kind.ERROR, 503)
    assert not world.memory.tickets


def test_nobody_is_asked_for_by_nobody_unless_the_operator_says_so() -> None:
    assert Requesters([], frozenset()).asking(gated(claims={}), None) is None


def test_after_the_policy_the_other_sources_are_asked_in_their_order() -> None:
    """Where it names nobody."""
    peer, token = parse_principal_source("source.principal"), parse_principal_source(JWT)
    both = replace(gated(), source_principal="spiffe://prod/ci")
    for first, others in ((peer, token), (token, peer)):
        requesters = Requesters([parse_principal_source("policy"), first, others], frozenset())
        alone = Requesters([first], frozenset())
        assert requesters.verified(both) is None
        assert requesters.asking(both, None) == alone.asking(both, None)
