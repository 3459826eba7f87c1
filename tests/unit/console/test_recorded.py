"""Who may act and not look is told plainly that it was recorded, or why it wasn't; nothing of the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.responses import RedirectResponse, Response

from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.identity import Actor
from authz.domain.ticket import Choice, State, Ticket
from authz.entrypoints.console import review_pages
from authz.entrypoints.console.pages import Viewer
from authz.services.permissions import Action, Permission, Subject
from tests.support.operators_rule import OperatorsRule
from tests.support.requirements import SRE
from tests.unit.console.test_break_glass_pages import finding
from tests.unit.console.world import World, all_text, hidden, vote_form

NO_MORE = "You can't look at this request now"


def assert_recorded(answer: httpx.Response, title: str) -> None:
    text = all_text(answer.text)
    assert (answer.status_code, title in text, NO_MORE in text) == (200, True, True)
    assert "api.example" not in answer.text


@pytest.mark.parametrize(
    ("choice", "comment", "title", "state"),
    [
        (Choice.APPROVE, "", "Your approval was recorded", State.APPROVED),
        (Choice.REJECT, "no", "Your rejection was recorded", State.REJECTED),
    ],
)
async def test_a_vote_of_who_may_not_look_is_confirmed(
    world: World, choice: Choice, comment: str, title: str, state: State
) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket) | {"choice": choice.value, "comment": comment}
    world.rule.denied = {Action.VIEW}
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form)
    assert_recorded(answer, title)
    assert (await world.now(ticket)).state is state
    assert (await bob.get(f"/tickets/{ticket.id}")).status_code == 403


async def test_control_going_to_the_ticket_reads_as_a_refusal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 403 after a vote that counts is what it would be."""

    async def always(_done: str, _viewer: Viewer, address: str, may_look: Awaitable[bool]) -> Response:
        await may_look
        return RedirectResponse(address, 303)

    monkeypatch.setattr(review_pages, "after", always)
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket)
    world.rule.denied = {Action.VIEW}
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form, follow_redirects=True)
    assert answer.status_code == 403
    assert (await world.now(ticket)).state is State.APPROVED


@pytest.mark.parametrize("error", [PolicyUnavailable("down"), PolicyMalformed("7")])
async def test_a_rule_that_fails_after_the_vote_does_not_undo_it(world: World, error: Exception) -> None:
    """The page of a failure says that nothing was recorded."""

    class FailsToSay(OperatorsRule):
        async def permits(self, action: Action, actor: Actor, subject: Subject, timeout: float) -> Permission:
            if action is Action.VIEW and subject["state"] != "pending":
                raise error
            return await super().permits(action, actor, subject, timeout)

    ticket = await world.held()
    world.voting._rule = FailsToSay()
    bob = await world.signed_in("bob")
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    assert_recorded(answer, "Your approval was recorded")
    assert (await world.now(ticket)).state is State.APPROVED


async def token_for(browser: httpx.AsyncClient, ticket: Ticket, purpose: str) -> dict[str, str]:
    """Return what the form for `purpose` on a ticket's page carries."""
    html = (await browser.get(f"/tickets/{ticket.id}")).text
    form = html.partition(f'action="/tickets/{ticket.id}/{purpose}"')[2]
    return {"csrf": hidden(form, "csrf"), "digest": hidden(form, "digest"), "comment": "sorry"}


async def withdraw(world: World) -> tuple[httpx.Response, str]:
    ticket = await world.held(approvers=(SRE, SRE))
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    form = await token_for(bob, ticket, "withdraw")
    world.rule.denied = {Action.VIEW}
    return await bob.post(f"/tickets/{ticket.id}/withdraw", data=form), "Your vote was withdrawn"


async def cancel(world: World) -> tuple[httpx.Response, str]:
    ticket = await world.held()
    alice = await world.signed_in("alice")
    form = await token_for(alice, ticket, "cancel")
    world.rule.denied = {Action.VIEW}
    return await alice.post(f"/tickets/{ticket.id}/cancel", data=form), "The request was cancelled"


async def revoke(world: World) -> tuple[httpx.Response, str]:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    form = await token_for(bob, ticket, "revoke")
    world.rule.denied = {Action.VIEW}
    return await bob.post(f"/tickets/{ticket.id}/revoke", data=form), "The approval was revoked"


async def review(world: World) -> tuple[httpx.Response, str]:
    used = await world.broken_glass()
    bob = await world.signed_in("bob")
    form = await finding(bob, used.id)
    world.rule.denied = {Action.VIEW}
    return await bob.post(f"/break-glass/{used.id}/review", data=form), "Your review was recorded"


@pytest.mark.parametrize("act", [withdraw, cancel, revoke, review])
async def test_whatever_else_was_done_is_confirmed_too(
    world: World, act: Callable[[World], Awaitable[tuple[httpx.Response, str]]]
) -> None:
    answer, title = await act(world)
    assert_recorded(answer, title)


async def test_what_was_not_recorded_says_why_and_no_more(world: World) -> None:
    """Somebody else was faster, and what is decided isn't for this voter's eyes."""
    ticket = await world.held()
    used = await world.broken_glass()
    bob, carol = await world.signed_in("bob"), await world.signed_in("carol")
    vote, found = await vote_form(carol, ticket), await finding(carol, used.id)
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    await bob.post(f"/break-glass/{used.id}/review", data=await finding(bob, used.id))
    world.rule.denied = {Action.VIEW}
    late = await carol.post(f"/tickets/{ticket.id}/vote", data=vote)
    assert (late.status_code, "already approved" in late.text) == (409, True)
    second = await carol.post(f"/break-glass/{used.id}/review", data=found)
    assert (second.status_code, "reviewed this already" in second.text) == (409, True)
    assert "api.example" not in late.text + second.text


async def test_who_may_look_goes_to_the_page_of_it(world: World) -> None:
    """Control: the plain page is for the others."""
    used = await world.broken_glass()
    bob = await world.signed_in("bob")
    answer = await bob.post(f"/break-glass/{used.id}/review", data=await finding(bob, used.id))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/break-glass/{used.id}")
