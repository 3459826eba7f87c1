"""The story of the walk, step by step. Each shows what it does and raises Mismatch at the first surprise."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from authz.entrypoints.demo.console_visit import Page
from authz.entrypoints.demo.expectation import Answer, Mismatch, expect
from authz.entrypoints.demo.gate_client import TICKET_HEADER, Call
from authz.entrypoints.demo.scene import Scene, Ticket

_DELETION = "deletion"
_DEPLOYMENT = "deployment"
_DELETE = Call(person="alice", method="DELETE", path="/resources/db-orders")
_DEPLOY = Call(
    person="alice",
    method="POST",
    path="/deployments",
    body={"service": "orders", "version": "1.4.2", "environment": "production"},
)
_PATIENT = replace(
    _DEPLOY, body={"service": "orders", "version": "1.4.3", "environment": "production"}, wait=30
)
_REQUEST = "What will run"
_OWN_REQUEST = "You asked for this yourself, so somebody else has to decide."
_REFUSED_EXIT = 1
_REACHED = {"GET /resources/db-orders": 1, "DELETE /resources/db-orders": 1, "POST /deployments": 2}
"""Everything that the upstream may have seen by the end of the walk."""

_TOKEN_SHOWN = 16
_TEXT_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what happens, in a sentence, and how."""

    title: str
    take: Callable[[Scene], Awaitable[None]]


async def _read(scene: Scene) -> None:
    answer = await scene.gate.send(Call(person="alice", method="GET", path="/resources/db-orders"))
    _show(scene, answer, "resource", "environment", "state")
    answer.expect_status(200)
    answer.expect_members(resource="db-orders", state="active")


async def _forbidden(scene: Scene) -> None:
    answer = await scene.gate.send(Call(person="dave", method="DELETE", path="/resources/cache-orders"))
    _show(scene, answer, "detail")
    answer.expect_status(403)
    answer.expect_members(detail="only an admin may delete a resource")


async def _hold(scene: Scene) -> None:
    answer = await scene.gate.send(_DELETE)
    scene.tickets[_DELETION] = _held(scene, answer, "delete-resource")


async def _hold_again(scene: Scene) -> None:
    first = scene.tickets[_DELETION]
    again = _held(scene, await scene.gate.send(_DELETE), "delete-resource")
    expect("ticket", first.id, again.id)
    expect("token", first.token, again.token)


async def _card(scene: Scene) -> None:
    cards = await scene.cards(scene.tickets[_DELETION].id)
    card = cards[0]
    for line in (
        card.lines[0],
        *(card.line(label) for label in (_REQUEST, "Requester", "Reason")),
    ):
        scene.screen.shown(f"| {line}")
    scene.screen.told(f"As Teams would draw it: {await scene.drawn(card.ticket_id)}")
    expect("cards about this ticket", 1, len(cards))
    expect("first word of the card's title", "Approval", card.lines[0].split()[0])
    if not card.line(_REQUEST).endswith(_DELETE.path):
        raise Mismatch("request on the card", f"DELETE …{_DELETE.path}", card.line(_REQUEST))


async def _own_approval(scene: Scene) -> None:
    ticket = scene.tickets[_DELETION]
    await _signed_in(scene, "alice")
    page = await scene.console.approve(ticket.id, "I am sure about this")
    scene.screen.told(f"Alice opens {scene.console.origin}/tickets/{ticket.id}")
    _show_line(scene, page, _OWN_REQUEST)
    ended = await scene.command("tickets", "approve", ticket.id, "--as", "alice", "--yes")
    said = ended.complaints.rpartition("\n")[2]  # after the ticket itself
    scene.screen.shown(said)
    expect("exit code", _REFUSED_EXIT, ended.code)
    if _OWN_REQUEST not in said:
        raise Mismatch("answer", _OWN_REQUEST, ended.complaints)


async def _approval(scene: Scene) -> None:
    await _approve(scene, "bob", scene.tickets[_DELETION], "checked with the team")


async def _retry(scene: Scene) -> None:
    ticket = scene.tickets[_DELETION]
    answer = await scene.gate.send(replace(_DELETE, ticket=ticket.token))
    _show(scene, answer, "deleted")
    answer.expect_status(200)
    answer.expect_members(deleted="db-orders")
    received = answer.received()
    for name in ("x-approval-id", "x-approval-by"):
        scene.screen.shown(f"the upstream got {name}: {received.get(name, '')}")
    expect("x-approval-id at the upstream", ticket.id, received.get("x-approval-id"))
    expect(
        "last part of x-approval-by at the upstream",
        'bob"',
        str(received.get("x-approval-by")).rpartition(":")[2],
    )
    expect("ticket header at the upstream", None, received.get(TICKET_HEADER))


async def _used_up(scene: Scene) -> None:
    answer = await scene.gate.send(replace(_DELETE, ticket=scene.tickets[_DELETION].token))
    _show(scene, answer, "title", "state")
    answer.expect_status(403)
    answer.expect_members(title="Approval used up", state="used_up")


async def _another_path(scene: Scene) -> None:
    ticket = _held(scene, await scene.gate.send(_DEPLOY), "deploy-production")
    scene.tickets[_DEPLOYMENT] = ticket
    await _approve(scene, "carol", ticket, "")
    answer = await scene.gate.send(replace(_DEPLOY, path="/deployments/again", ticket=ticket.token))
    _show(scene, answer, "title", "changed")
    answer.expect_status(409)
    answer.expect_members(changed=["path"])


async def _another_person(scene: Scene) -> None:
    ticket = scene.tickets[_DEPLOYMENT]
    answer = await scene.gate.send(replace(_DEPLOY, person="dave", ticket=ticket.token))
    _show(scene, answer, "title")
    answer.expect_status(403)
    answer.expect_members(title="Ticket refused")


async def _untouched(scene: Scene) -> None:
    ticket = scene.tickets[_DEPLOYMENT]
    answer = await scene.gate.send(replace(_DEPLOY, ticket=ticket.token))
    _show(scene, answer, "deployed")
    answer.expect_status(201)
    expect("x-approval-id at the upstream", ticket.id, answer.received().get("x-approval-id"))


async def _released(scene: Scene) -> None:
    waiting = asyncio.create_task(_answered_at(scene, _PATIENT))
    try:
        ticket = await scene.another_ticket()
        await _signed_in(scene, "carol")
        scene.screen.told(f"Carol opens {scene.console.origin}/tickets/{ticket} and presses Approve")
        await scene.console.approve(ticket, "")
        answer, at = await waiting
    finally:
        waiting.cancel()
    _show(scene, answer, "deployed")
    answer.expect_status(201)
    expect("preference-applied", "wait=30", answer.headers.get("preference-applied"))
    expect("x-approval-id at the upstream", ticket, answer.received().get("x-approval-id"))
    scene.screen.shown(f"{(at - scene.console.pressed_at) * 1000:.0f} ms after the button was pressed")
    hits = await scene.upstream_hits()
    expect("what reached the upstream", _REACHED, hits)


STEPS = (
    Step("Alice reads a resource: the policy allows it.", _read),
    Step("Dave deletes one: the policy forbids it.", _forbidden),
    Step("Alice deletes one in production: held, until a person agrees.", _hold),
    Step("She sends it again: the same ticket.", _hold_again),
    Step("One card went out to the chat room.", _card),
    Step("Alice can't approve her own request, neither on the page nor by command.", _own_approval),
    Step("Bob, of the group sre, approves on the page.", _approval),
    Step("Alice sends it again, with the ticket: it goes through.", _retry),
    Step("Once more: the approval was for one use.", _used_up),
    Step(
        "A deployment is held, and Carol approves it. At another path, its ticket is worth nothing.",
        _another_path,
    ),
    Step("Nor in Dave's hands.", _another_person),
    Step("It is untouched by all that: Alice's deployment goes through.", _untouched),
    Step("Alice's next deployment waits for the answer: Carol approves, and it goes through.", _released),
)


async def _answered_at(scene: Scene, call: Call) -> tuple[Answer, float]:
    """Send a request; return the answer and when it came."""
    answer = await scene.gate.send(call)
    return answer, time.monotonic()


def _held(scene: Scene, answer: Answer, rule: str) -> Ticket:
    """Show a hold, check it, and return its ticket."""
    token = answer.headers.get(TICKET_HEADER, "")
    scene.screen.shown(f"{TICKET_HEADER}: {token[:_TOKEN_SHOWN]}…")
    _show(scene, answer, "state", "rule", "reason")
    answer.expect_status(202)
    answer.expect_members(state="pending", rule=rule, token=answer.header(TICKET_HEADER))
    return Ticket(answer.member("id"), token)


async def _approve(scene: Scene, person: str, ticket: Ticket, comment: str) -> None:
    """Approve on the console's page."""
    await _signed_in(scene, person)
    name = scene.gate.name(person)
    scene.screen.told(f"{name} opens {scene.console.origin}/tickets/{ticket.id} and presses Approve")
    page = await scene.console.approve(ticket.id, comment)
    expect("status of the page", 200, page.status)
    _show_line(scene, page, "1 of 1 approvals")
    _show_line(scene, page, f"Approved by {name}")


async def _signed_in(scene: Scene, person: str) -> None:
    page = await scene.console.become(person)
    expect(f"status of signing in as {person}", 200, page.status)


def _show(scene: Scene, answer: Answer, *names: str) -> None:
    """Show some members of an answer's body, or the text of one that isn't JSON."""
    chosen = {name: answer.members[name] for name in names if name in answer.members}
    if not chosen:
        scene.screen.shown(answer.text.strip()[:_TEXT_SHOWN])
        return
    text = json.dumps(chosen)
    scene.screen.shown(text if len(chosen) == len(answer.members) else f"{text[:-1]}, …}}")


def _show_line(scene: Scene, page: Page, text: str) -> None:
    """Show the line of a page that has this text. Raises Mismatch when none has."""
    line = next((line for line in page.lines if text in line), None)
    if line is None:
        raise Mismatch(f"page (status {page.status})", text, " / ".join(page.lines)[:_TEXT_SHOWN])
    scene.screen.shown(f"the page says: {line}")
