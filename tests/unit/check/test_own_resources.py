"""What is below /.holdgate/ is answered by Holdgate, and never reaches the upstream whatever the policy says."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
import pytest

from authz.domain.answer import Forward, Kind, Respond
from authz.domain.client_view import APPROVED_DETAIL
from authz.domain.problem_page import problem_page
from authz.domain.problems import Problem
from authz.domain.reserved_paths import is_reserved_path
from authz.domain.ticket import Choice
from authz.domain.token import TicketKey, TokenMint, ticket_id
from authz.services.check import service
from tests.unit.check.own import TICKETS, own, ticket_request
from tests.unit.check.world import World, body, headers, status

OURS = [
    "/.holdgate",
    "/.holdgate/",
    "/.holdgate/tickets",
    "/.holdgate/tickets/",
    "/.holdgate/tickets/../../admin",
    "/.holdgate/../admin",
    "/.holdgate//admin",
    "/.holdgate/%2e%2e/admin",
    "/.holdgate/;/admin",
    "/.holdgate/tickets/0-aaaaaaaaaaaaaaaaaaaaaaaaaa/more",
    "/.holdgate/problems/",
    "/.holdgate/problems/held/",
    "/.holdgate/problems/../tickets/x",
]
THEIRS = [
    "//.holdgate/tickets/x",
    "/%2eholdgate/tickets/x",
    "/.Holdgate/tickets/x",
    "/.holdgatex",
    "/v1/.holdgate/tickets/x",
    "/x/../.holdgate/tickets/x",
    ".holdgate/tickets/x",
    "/.holdgate%2ftickets/x",
    "/.holdgate\\tickets\\x",
    "/",
    "",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "PROPFIND", "get", ""]


@pytest.fixture
def world(world: World) -> World:
    """Everything may pass, as far as the policy is concerned."""
    world.policy.result = True
    return world


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", OURS)
async def test_nothing_there_is_asked_of_the_policy_or_forwarded(
    world: World, path: str, method: str
) -> None:
    """With a ticket and without."""
    for tokens in ((), (world.mint.mint(ticket_id(0, b"t" * 16)),), ("x", "y")):
        outcome = await world.check(own(path, method), *tokens)
        assert isinstance(outcome.answer, Respond)
        assert outcome.kind is Kind.REFUSE
        assert 400 <= outcome.answer.status < 500
        assert headers(outcome)["x-content-type-options"] == "nosniff"
    assert not world.policy.asked


@pytest.mark.parametrize("path", THEIRS)
async def test_any_other_path_is_the_policys(world: World, path: str) -> None:
    """Another spelling is another path, which Envoy routes by that very text."""
    assert (await world.check(own(path))).kind is Kind.ALLOW
    assert len(world.policy.asked) == 1


@pytest.mark.parametrize("path", OURS)
async def test_control_without_the_reservation_the_policy_decides(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a policy that lets everything pass lets this reach the upstream."""
    assert is_reserved_path(path)
    monkeypatch.setattr(service, "is_reserved_path", lambda _path: False)
    assert isinstance((await world.check(own(path))).answer, Forward)


@pytest.fixture
async def token(world: World) -> str:
    """The token of a request that was held."""
    held = World()
    token = await held.held()
    world.memory, world.mint = held.memory, held.mint
    return token


async def test_the_status_is_told_here_too(world: World, token: str) -> None:
    """As the console tells it, whoever is signed in: the token alone counts."""
    for request in (ticket_request(token), ticket_request(token, "HEAD"), ticket_request(token, claims={})):
        outcome = await world.check(request, token)
        assert (status(outcome), outcome.kind, outcome.detail) == (200, Kind.ANSWER, "ticket status")
        assert outcome.ticket_id == world.ticket(token).id
        told = body(outcome)
        assert (told["state"], told["detail"]) == ("pending", Problem.HELD.value.detail)
        assert "token" not in told
        assert headers(outcome) == {
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "link": f'<{TICKETS}{world.ticket(token).id}>; rel="self"',
            "retry-after": "5",
        }
    assert not world.policy.asked


async def test_the_status_says_what_to_do_next(world: World, token: str) -> None:
    """Approved: send it again. Over: how, and nothing to wait for."""
    await world.vote(token, "bob")
    approved = await world.check(ticket_request(token), token)
    assert (body(approved)["state"], body(approved)["detail"]) == ("approved", APPROVED_DETAIL)
    assert headers(approved)["retry-after"] == "0"


async def test_the_status_of_a_rejected_one_says_by_whom_and_why(world: World, token: str) -> None:
    """No more than the 403 for the request says."""
    await world.vote(token, "bob", Choice.REJECT, "not now")
    told = await world.check(ticket_request(token), token)
    assert (body(told)["rejected_by"], body(told)["comment"]) == ("bob", "not now")
    assert "retry-after" not in headers(told)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_all_wrong_tokens_are_answered_alike(world: World, token: str, method: str) -> None:
    """A forged one costs no look-up."""
    foreign = TokenMint([TicketKey("k1", b"x" * 32)]).mint(world.ticket(token).id)
    unknown = world.mint.mint(ticket_id(0, secrets.token_bytes(16)))
    request = ticket_request(token, method)
    world.memory.calls.clear()
    outcomes = [
        await world.check(request, *tokens)
        for tokens in ((), ("",), ("nonsense",), (foreign,), (token, token), (f"{token},{token}",))
    ]
    outcomes.append(await world.check(own(TICKETS + "x", method), token))
    outcomes.append(await world.check(own(request.path + "/", method), token))
    outcomes.append(await world.check(request, unknown))
    assert world.memory.calls == []
    outcomes.append(await world.check(ticket_request(unknown, method), unknown))
    assert world.memory.calls == ["load"]
    assert {(status(outcome), outcome.answer) for outcome in outcomes} == {(403, outcomes[0].answer)}
    assert body(outcomes[0])["type"] == Problem.REFUSED.value.uri


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_without_redis_it_is_a_503_to_come_back_to(world: World, token: str, method: str) -> None:
    """Nothing is known then."""
    world.memory.down = True
    outcome = await world.check(ticket_request(token, method), token)
    assert (status(outcome), outcome.detail) == (503, "redis_unavailable")
    assert headers(outcome)["retry-after"] == "1"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "PROPFIND", "get", ""])
async def test_other_methods_are_named_and_cost_no_look_up(world: World, token: str, method: str) -> None:
    """OPTIONS isn't ours either: CORS is a filter of Envoy's before the check."""
    world.memory.calls.clear()
    outcome = await world.check(ticket_request(token, method), token)
    assert (status(outcome), headers(outcome)["allow"]) == (405, "GET, HEAD, DELETE")
    assert body(outcome)["type"] == Problem.METHOD_NOT_ALLOWED.value.uri
    assert not world.memory.calls


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
async def test_each_problem_leads_to_its_page(world: World, problem: Problem) -> None:
    """Found by the last part of the type, by anybody, as plain text."""
    path = "/.holdgate/problems/" + problem.value.uri.rpartition(":")[2]
    for method in ("GET", "HEAD"):
        outcome = await world.check(own(path, method, claims={}))
        assert (status(outcome), outcome.kind, outcome.detail) == (200, Kind.ANSWER, "problem page")
        assert isinstance(outcome.answer, Respond)
        assert outcome.answer.body.decode() == problem_page(problem)
        assert headers(outcome)["content-type"] == "text/plain; charset=utf-8"
    refused = await world.check(own(path, "POST"))
    assert (status(refused), headers(refused)["allow"]) == (405, "GET, HEAD")


async def test_a_problem_links_to_its_page(world: World) -> None:
    """Which is there."""
    outcome = await world.check(own("/.holdgate/nothing"))
    assert headers(outcome)["link"] == '</.holdgate/problems/not-found>; rel="help"'
    assert isinstance(outcome.answer, Respond)
    assert orjson.loads(outcome.answer.body)["type"] == Problem.NOT_FOUND.value.uri
    page: Any = await world.check(own("/.holdgate/problems/not-found"))
    assert status(page) == 200
