"""Withdrawing a vote, cancelling a request, revoking a grant: as guarded as a vote is."""

from __future__ import annotations

import re

import httpx
import pytest

from authz.domain import voting
from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.ticket import State, Ticket
from authz.entrypoints.console import desk, form
from authz.services.permissions import Action
from tests.unit.console.test_form_security import FOREIGN
from tests.unit.console.world import BROWSER, World, all_text, hidden, vote_form

TWO = (Approver(ApproverKind.GROUP, "sre", count=2),)
WHO = {"withdraw": "bob", "cancel": "alice", "revoke": "bob"}
DONE = {"withdraw": State.PENDING, "cancel": State.CANCELLED, "revoke": State.REVOKED}


async def acted_on(world: World, action: str, path: str = "/v1") -> tuple[Ticket, httpx.AsyncClient]:
    """Return a ticket on which the action is possible, and the browser of who may do it."""
    ticket = await world.held(path=path, approvers=() if action == "revoke" else TWO)
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    who = WHO[action]
    return await world.now(ticket), bob if who == "bob" else await world.signed_in(who)


async def form_of(browser: httpx.AsyncClient, ticket: Ticket, action: str) -> dict[str, str]:
    """Return the fields of one form on a ticket's page."""
    html = (await browser.get(f"/tickets/{ticket.id}")).text
    found = re.search(rf'action="/tickets/{ticket.id}/{action}">(.*?)</form>', html, re.DOTALL)
    assert found, f"no form to {action}"
    fields = {name: hidden(found.group(1), name) for name in ("csrf", "digest")}
    return fields if action == "withdraw" else fields | {"comment": "no\r\nmore"}


def unchanged(before: Ticket, after: Ticket) -> bool:
    return before == after


@pytest.mark.parametrize("action", WHO)
async def test_it_is_done_and_lands_on_the_ticket(world: World, action: str) -> None:
    ticket, browser = await acted_on(world, action)
    answer = await browser.post(f"/tickets/{ticket.id}/{action}", data=await form_of(browser, ticket, action))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{ticket.id}")
    after = await world.now(ticket)
    assert after.state is DONE[action]
    text = all_text((await browser.get(f"/tickets/{ticket.id}")).text)
    if action == "withdraw":
        assert after.votes == ()
        assert "Approve this request" in text
    else:
        assert after.ending is not None
        assert after.ending.comment == "no\nmore"
        assert f"{DONE[action].value.title()} by {WHO[action].title()}" in text


@pytest.mark.parametrize("action", WHO)
@pytest.mark.parametrize("csrf", ["garbage", "other ticket", "other session", "other action", "other digest"])
async def test_a_form_that_this_page_did_not_make_is_refused(world: World, action: str, csrf: str) -> None:
    ticket, browser = await acted_on(world, action)
    fields = await form_of(browser, ticket, action)
    match csrf:
        case "garbage":
            fields["csrf"] = "A" * 43
        case "other ticket":
            other, browser = await acted_on(world, action, "/other")
            fields = await form_of(browser, other, action)
        case "other session":
            fields["csrf"] = (await form_of(await world.signed_in(WHO[action]), ticket, action))["csrf"]
        case "other action":
            fields["csrf"] = (await vote_form(await world.signed_in("carol"), await world.held(path="/x")))[
                "csrf"
            ]
        case _:
            fields["digest"] = "0" * 64
    answer = await browser.post(f"/tickets/{ticket.id}/{action}", data=fields)
    assert answer.status_code == 403
    assert unchanged(ticket, await world.now(ticket))


async def test_a_token_to_vote_is_none_to_withdraw(world: World) -> None:
    """The tokens of one page differ by what they are for."""
    ticket, bob = await acted_on(world, "withdraw")
    carol = await world.signed_in("carol")
    fields = await vote_form(carol, ticket)
    assert (await carol.post(f"/tickets/{ticket.id}/withdraw", data=fields)).status_code == 403
    assert (await bob.get("/")).status_code == 200


@pytest.mark.parametrize("action", WHO)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_form_from_elsewhere_is_refused(world: World, action: str, headers: dict[str, str]) -> None:
    ticket, browser = await acted_on(world, action)
    fields = await form_of(browser, ticket, action)
    for name in BROWSER:
        del browser.headers[name]
    answer = await browser.post(f"/tickets/{ticket.id}/{action}", data=fields, headers=headers)
    assert answer.status_code == 403
    assert unchanged(ticket, await world.now(ticket))


@pytest.mark.parametrize("action", WHO)
@pytest.mark.parametrize("guard", ["token", "origin"])
async def test_control_without_a_guard_such_a_form_is_taken(
    world: World, action: str, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, browser = await acted_on(world, action)
    fields = await form_of(browser, ticket, action)
    headers = {}
    if guard == "token":
        monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
        fields["csrf"] = "A" * 43
    else:
        monkeypatch.setattr(form, "check_origin", lambda *_: None)
        headers = {"origin": "https://evil.example"}
    await browser.post(f"/tickets/{ticket.id}/{action}", data=fields, headers=headers)
    assert not unchanged(ticket, await world.now(ticket))


@pytest.mark.parametrize(
    ("who", "action", "there"),
    [
        ("bob", "withdraw", True),
        ("carol", "withdraw", False),
        ("alice", "withdraw", False),
        ("alice", "cancel", True),
        ("bob", "cancel", False),
        ("alice", "revoke", True),
        ("carol", "revoke", True),
        ("dave", "revoke", False),
    ],
)
async def test_each_finds_the_forms_that_are_for_them(
    world: World,
    who: str,
    action: str,
    there: bool,
) -> None:
    ticket, _ = await acted_on(world, action)
    html = (await (await world.signed_in(who)).get(f"/tickets/{ticket.id}")).text
    assert (f"/tickets/{ticket.id}/{action}" in html) is there


@pytest.mark.parametrize(
    ("who", "action", "sentence", "status"),
    [
        ("carol", "withdraw", "There is no vote of yours on this ticket.", 409),
        ("carol", "cancel", "Only who asked for this can take it back", 403),
        ("dave", "revoke", "This rule asks for other people than you.", 403),
    ],
)
async def test_a_forged_form_of_who_may_not_is_refused_with_the_reason(
    world: World, who: str, action: str, sentence: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, _ = await acted_on(world, action)
    browser = await world.signed_in(who)
    monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
    answer = await browser.post(f"/tickets/{ticket.id}/{action}", data={"comment": "<why>"})
    assert answer.status_code == status
    assert f"Not recorded. {sentence}" in all_text(answer.text)
    assert unchanged(ticket, await world.now(ticket))


async def test_control_without_the_domains_rule_anybody_cancels(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, _ = await acted_on(world, "cancel")
    monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
    monkeypatch.setattr(voting, "is_requester", lambda *_: True)
    await (await world.signed_in("carol")).post(f"/tickets/{ticket.id}/cancel", data={"comment": ""})
    assert (await world.now(ticket)).state is State.CANCELLED


async def test_too_late_is_said_and_the_comment_comes_back(world: World) -> None:
    ticket, bob = await acted_on(world, "revoke")
    fields = await form_of(bob, ticket, "revoke")
    answer = await bob.post(f"/tickets/{ticket.id}/revoke", data=fields | {"comment": "<n>" * 200})
    assert answer.status_code == 422
    assert "&lt;n&gt;" * 200 in answer.text
    assert (await bob.post(f"/tickets/{ticket.id}/revoke", data=fields)).status_code == 303
    again = await bob.post(f"/tickets/{ticket.id}/revoke", data=fields)
    assert again.status_code == 409
    assert "There is no grant to take back: this ticket is revoked." in again.text


async def test_when_votes_were_withdrawn_too_often_the_button_gives_way_to_the_reason(world: World) -> None:
    ticket, bob = await acted_on(world, "withdraw")
    fields = await form_of(bob, ticket, "withdraw")
    for _ in range(voting.WITHDRAWALS_PER_PERSON_MAX):
        assert (await bob.post(f"/tickets/{ticket.id}/withdraw", data=fields)).status_code == 303
        await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    html = (await bob.get(f"/tickets/{ticket.id}")).text
    assert f"withdrawn your vote {voting.WITHDRAWALS_PER_PERSON_MAX} times already" in html
    assert "Withdraw my vote" not in html
    assert (await bob.post(f"/tickets/{ticket.id}/withdraw", data=fields)).status_code == 409


@pytest.mark.parametrize("action", ["vote", *WHO])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PolicyMalformed("secret-7f"), "answered neither yes nor no. Nothing was recorded."),
        (PolicyUnavailable("secret-7f"), "Nothing was recorded. Try again in a moment."),
    ],
)
async def test_a_rule_that_gives_no_answer_is_a_503_page_and_nothing_is_recorded(
    world: World, action: str, error: Exception, sentence: str
) -> None:
    ticket, browser = await acted_on(world, "withdraw" if action == "vote" else action)
    if action == "vote":
        browser = await world.signed_in("carol")
        fields = await vote_form(browser, ticket)
    else:
        fields = await form_of(browser, ticket, action)
    world.rule.error = error
    answer = await browser.post(f"/tickets/{ticket.id}/{action}", data=fields)
    assert answer.status_code == 503
    assert sentence in all_text(answer.text)
    assert "secret-7f" not in answer.text
    assert unchanged(ticket, await world.now(ticket))


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.CANCEL, Action.REVOKE])
async def test_the_operators_rule_may_refuse_with_its_own_sentence(world: World, action: Action) -> None:
    ticket, browser = await acted_on(world, action.value)
    fields = await form_of(browser, ticket, action.value)
    world.rule.denied, world.rule.reason = {action}, "Not on a <Friday>."
    answer = await browser.post(f"/tickets/{ticket.id}/{action.value}", data=fields)
    assert answer.status_code == 403
    assert "Not recorded. Not on a <Friday>." in all_text(answer.text)
    assert unchanged(ticket, await world.now(ticket))
