from __future__ import annotations

import json
import secrets

import httpx
import pytest
from structlog.testing import capture_logs

from authz.domain.client_view import APPROVED_DETAIL, ticket_members
from authz.domain.problems import Problem
from authz.domain.request import CheckId
from authz.domain.ticket import Ticket
from authz.domain.token import TicketKey, TokenMint, ticket_id
from authz.entrypoints.console.app import build_console
from tests.unit.console.world import PUBLIC_URL, World, vote_form


def client(world: World) -> httpx.AsyncClient:
    """What Envoy passes on: the gated host, its own headers, and no cookie."""
    headers = {"x-forwarded-proto": "https", "x-request-id": "1"}
    transport = httpx.ASGITransport(world.app)
    return httpx.AsyncClient(transport=transport, base_url="https://api.example", headers=headers)


async def ask(world: World, ticket: Ticket, method: str = "GET") -> httpx.Response:
    headers = {"x-approval-ticket": world.mint.mint(ticket.id)}
    return await client(world).request(method, f"/.holdgate/tickets/{ticket.id}", headers=headers)


async def test_a_waiting_client_reads_what_the_202_said(world: World) -> None:
    ticket = await world.held()
    answer = await ask(world, ticket)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["cache-control"] == "no-store"
    members = ticket_members(ticket, world.memory.now, PUBLIC_URL) | {"detail": Problem.HELD.value.detail}
    assert answer.json() == json.loads(json.dumps(members))
    assert answer.headers["link"] == f'</.holdgate/tickets/{ticket.id}>; rel="self"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "hg1." not in answer.text


async def test_an_approved_ticket_says_so_and_not_by_whom(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket) | {"comment": "for you"})
    answer = await ask(world, ticket)
    assert (answer.json()["state"], answer.headers["retry-after"]) == ("approved", "0")
    assert answer.json()["detail"] == APPROVED_DETAIL
    assert "for you" not in answer.text
    assert "Bob" not in answer.text


async def test_a_rejected_ticket_says_by_whom_when_and_why(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"choice": "reject", "comment": "not now"}
    await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    members = (await ask(world, ticket)).json()
    assert (members["state"], members["rejected_by"], members["comment"]) == ("rejected", "Bob", "not now")
    assert members["detail"] == Problem.REJECTED.value.detail
    assert "ended_at" in members


async def test_a_used_ticket_says_for_which_request(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    await world.memory.redeem(ticket.id, ticket.draft.fingerprint.digest, CheckId("77", 1), 1, 900_000)
    members = (await ask(world, ticket)).json()
    assert (members["state"], members["used_by"][0]["request_id"]) == ("used_up", "77")


async def test_head_is_answered_as_get(world: World) -> None:
    ticket = await world.held()
    assert (await ask(world, ticket, "HEAD")).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1, */*;q=0", "nonsense", ""])
async def test_it_is_json_whatever_the_client_would_like_better(world: World, accept: str) -> None:
    ticket = await world.held()
    headers = {"x-approval-ticket": world.mint.mint(ticket.id), "accept": accept}
    answer = await client(world).get(f"/.holdgate/tickets/{ticket.id}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_nothing_can_be_done_to_a_ticket_here(world: World, method: str) -> None:
    ticket = await world.held()
    world.memory.calls.clear()
    answer = await ask(world, ticket, method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["type"] == Problem.METHOD_NOT_ALLOWED.value.uri
    assert world.memory.calls == []


async def test_whatever_is_wrong_with_the_token_the_answer_is_one_and_the_same(world: World) -> None:
    ticket, other = await world.held(), await world.held(path="/other")
    good = world.mint.mint(ticket.id)
    unknown = ticket_id(0, secrets.token_bytes(16))
    foreign = TokenMint([TicketKey("k1", b"x" * 32)]).mint(ticket.id)
    path = f"/.holdgate/tickets/{ticket.id}"
    world.memory.calls.clear()
    cases: list[tuple[str, list[tuple[str, str]]]] = [
        (path, []),
        (path, [("x-approval-ticket", "")]),
        (path, [("x-approval-ticket", "nonsense")]),
        (path, [("x-approval-ticket", foreign)]),
        (path, [("x-approval-ticket", good[:-1] + ("A" if good[-1] != "A" else "B"))]),
        (path, [("x-approval-ticket", good), ("x-approval-ticket", good)]),
        (path, [("x-approval-ticket", f"{good},{good}")]),
        (path, [("x-approval-ticket", world.mint.mint(other.id))]),
        (path + "/more", [("x-approval-ticket", good)]),
        ("/.holdgate/tickets/", [("x-approval-ticket", good)]),
        ("/.holdgate/tickets/..%2f..%2fdemo%2fsign-in", [("x-approval-ticket", good)]),
    ]
    browser = client(world)
    answers = [await browser.get(target, headers=headers) for target, headers in cases]
    assert world.memory.calls == []  # none of them cost a look-up
    answers.append(
        await browser.get(
            f"/.holdgate/tickets/{unknown}", headers={"x-approval-ticket": world.mint.mint(unknown)}
        )
    )
    assert {(one.status_code, one.content, tuple(sorted(one.headers.items()))) for one in answers} == {
        (403, answers[0].content, tuple(sorted(answers[0].headers.items())))
    }
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].json()["type"] == Problem.REFUSED.value.uri
    # The control: the one thing that is right is answered.
    assert (await browser.get(path, headers={"x-approval-ticket": good})).status_code == 200


async def test_without_redis_it_is_a_503_to_come_back_to(world: World) -> None:
    ticket = await world.held()
    world.memory.down = True
    answer = await ask(world, ticket)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == Problem.UNAVAILABLE.value.uri
    assert "took" not in answer.text


async def test_without_a_way_to_sign_in_there_is_the_status_and_nothing_else(world: World) -> None:
    ticket = await world.held()
    world.app = build_console(world.site, world.store, world.status, world.voting, world.reviewing, None)
    assert (await ask(world, ticket)).status_code == 200
    for path in ("/", f"/tickets/{ticket.id}", "/demo/sign-in", "/static/console.css"):
        assert (await world.browser().get(path)).status_code == 404


async def test_what_nobody_foresaw_is_json_too_and_says_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the place, and not the text, which may quote a request."""
    ticket = await world.held()

    async def broken(_: str) -> None:
        raise ArithmeticError("hg1.secret")

    monkeypatch.setattr(world.memory, "load", broken)
    with capture_logs() as lines:
        answer = await ask(world, ticket)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "retry-after" in answer.headers
    assert "hg1." not in answer.text + str(lines)
    assert [(line["event"], line["error"]) for line in lines] == [("console.failed", "ArithmeticError")]
