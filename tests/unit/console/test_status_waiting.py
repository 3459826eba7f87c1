"""`Prefer: wait` on the status of a ticket (RFC 7240): answered when it is decided, or when patience ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from authz.domain.identity import Principal
from authz.domain.ticket import Choice, State, Ticket
from authz.domain.voting import Ballot
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.services.changes import Changes
from authz.services.check.waiting import WaitEnd
from authz.services.ports import Loaded
from authz.services.voting import SignedIn
from tests.support.memory_store import MemoryStore
from tests.support.served_console import address_of, loopback_socket, served
from tests.unit.console.world import WAIT_LIMITS, World, identity

PATIENCE = 10.0


async def comes(condition: Callable[[], bool]) -> None:
    """Let other tasks run until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody but the product could set an event
            await asyncio.sleep(0)


async def ask(world: World, ticket: Ticket, *prefer: str, token: str = "") -> httpx.Response:
    headers = [("x-approval-ticket", token or world.mint.mint(ticket.id))]
    headers += [("prefer", each) for each in prefer]
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
        return await client.get(f"/.holdgate/tickets/{ticket.id}", headers=headers)


@asynccontextmanager
async def asked(world: World, ticket: Ticket, *prefer: str) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Ask, and give the block a request that waits."""
    before = world.waits.now
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ask(world, ticket, *(prefer or ("wait=60",))))
        await comes(lambda: task.done() or world.waits.now > before)
        yield task


async def vote(world: World, ticket: Ticket, name: str = "bob", choice: Choice = Choice.APPROVE) -> None:
    """Vote, and have that told as Redis does."""
    ballot = Ballot(choice, "a comment", ticket.draft.fingerprint.payload_digest)
    await world.voting.vote(ticket.id, SignedIn(identity(name), name, "demo", world.memory.now), ballot)
    world.changes.tell(ticket.id)


@pytest.mark.parametrize(("choice", "state"), [(Choice.APPROVE, "approved"), (Choice.REJECT, "rejected")])
async def test_it_is_answered_when_the_last_vote_falls(world: World, choice: Choice, state: str) -> None:
    """And says that it waited, as asked."""
    ticket = await world.held()
    async with asked(world, ticket) as waiting:
        assert not waiting.done()
        await vote(world, ticket, choice=choice)
    answer = waiting.result()
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert answer.headers["preference-applied"] == "wait=60"
    assert (world.waits.now, world.waits.ended) == (0, {WaitEnd.RELEASED: 1})


async def test_redis_is_not_asked_while_nothing_happens(world: World) -> None:
    """One look before, and one for the news."""
    ticket = await world.held()
    world.memory.calls.clear()
    async with asked(world, ticket):
        for _ in range(100):
            await asyncio.sleep(0)
        assert world.memory.calls == ["load"]
        await vote(world, ticket)
    assert world.memory.calls.count("load") == 3  # one of them is the vote's


async def test_a_vote_that_decides_nothing_ends_no_wait(world: World) -> None:
    """It waits for the last one."""
    ticket = await world.held()
    async with asked(world, ticket) as waiting:
        world.changes.tell(ticket.id)
        looks = len(world.memory.calls)
        await comes(lambda: len(world.memory.calls) > looks)
        await asyncio.sleep(0)
        assert not waiting.done()
        await vote(world, ticket)
    assert waiting.result().json()["state"] == "approved"


@pytest.mark.parametrize("remembering", [True, False])
async def test_a_vote_between_the_look_and_the_wait_is_not_missed(
    guard: DemoGuard, monkeypatch: pytest.MonkeyPatch, remembering: bool
) -> None:
    """Control: without the memory of what happened just before, it waits for news that were there already."""
    store = VotesWhileLooking()
    world = World(guard, store=store)
    world.memory = store
    ticket = await world.held()
    store.then = lambda: vote(world, ticket)
    if not remembering:
        monkeypatch.setattr(Changes, "_changed", lambda *_: False)
    async with asked(world, ticket) as waiting:
        if not remembering:
            for _ in range(100):
                await asyncio.sleep(0)
            assert not waiting.done()
            world.changes.tell(ticket.id)
    assert waiting.result().json()["state"] == "approved"


class VotesWhileLooking(MemoryStore):
    """Somebody votes right after the first look."""

    def __init__(self) -> None:
        super().__init__()
        self.then: Callable[[], Any] | None = None

    async def load(self, ticket_id: str) -> Loaded | None:
        loaded = await super().load(ticket_id)
        then, self.then = self.then, None
        if then is not None:
            await then()
        return loaded


@pytest.mark.parametrize("prefer", [(), ("respond-async",), ("wait=0",), ("wait=soon",), ("wait",)])
async def test_who_does_not_ask_to_wait_is_answered_at_once(world: World, prefer: tuple[str, ...]) -> None:
    ticket = await world.held()
    answer = await ask(world, ticket, *prefer)
    assert answer.json()["state"] == "pending"
    assert "preference-applied" not in answer.headers
    assert not world.waits.ended


@pytest.mark.parametrize("state", [State.APPROVED, State.REJECTED, State.USED_UP])
async def test_what_is_decided_is_not_waited_for(world: World, state: State) -> None:
    ticket = await world.held()
    if state is State.USED_UP:
        object.__setattr__(world.memory.tickets[ticket.id], "state", state)
    else:
        await vote(world, ticket, choice=Choice.APPROVE if state is State.APPROVED else Choice.REJECT)
    answer = await ask(world, ticket, "wait=60")
    assert answer.json()["state"] == state.value
    assert not world.waits.ended


async def test_when_patience_ends_the_state_is_told_as_it_is(world: World) -> None:
    """After one more look, because news may get lost."""
    ticket = await world.held()
    answer = await ask(world, ticket, "wait=1")
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.headers["retry-after"] == "5"
    assert world.waits.ended == {WaitEnd.TIMED_OUT: 1}
    assert world.memory.calls[-2:] == ["load", "load"]


async def test_nobody_waits_longer_than_the_operator_allows(world: World) -> None:
    """And the client is told how long that is."""
    ticket = await world.held()
    async with asked(world, ticket, "wait=99999") as waiting:
        await vote(world, ticket)
    assert waiting.result().headers["preference-applied"] == f"wait={WAIT_LIMITS.longest:.0f}"


async def test_a_ticket_that_runs_out_of_time_ends_the_wait_without_any_news(world: World) -> None:
    """Nobody need be there to write that down."""
    ticket = await world.held(expires_in_ms=30)
    async with asked(world, ticket) as waiting:
        world.memory.now += 30
    answer = waiting.result()
    assert answer.json()["state"] == "expired"
    assert world.waits.ended == {WaitEnd.RELEASED: 1}


@pytest.mark.parametrize("token", ["nonsense", "hg1.k1.0-aaaaaaaaaaaaaaaaaaaaaaaaaa." + "a" * 43])
async def test_a_wrong_token_waits_for_nothing(world: World, token: str) -> None:
    ticket = await world.held()
    world.memory.calls.clear()
    assert (await ask(world, ticket, "wait=60", token=token)).status_code == 403
    assert not world.memory.calls
    assert not world.waits.ended


async def test_beyond_the_bounds_everybody_is_answered_at_once(world: World) -> None:
    """For one requester, and in all; each place is given back."""
    ticket, other = await world.held(), await world.held(requester=Principal(identity("carol"), "carol"))
    third = await world.held(requester=Principal(identity("dave"), "dave"))
    async with asked(world, ticket), asked(world, ticket) as second:
        refused = await ask(world, ticket, "wait=60")
        assert (refused.status_code, refused.json()["state"]) == (200, "pending")
        assert "preference-applied" not in refused.headers
        assert world.waits.ended == {WaitEnd.REFUSED: 1}
        async with asked(world, other) as fourth:
            assert world.waits.now == WAIT_LIMITS.waiters
            assert (await ask(world, third, "wait=60")).json()["state"] == "pending"
            assert world.waits.ended == {WaitEnd.REFUSED: 2}
            await vote(world, other, "bob")
        assert fourth.result().json()["state"] == "approved"
        await vote(world, ticket)
    assert second.result().json()["state"] == "approved"
    assert world.waits.now == 0


async def test_a_shutdown_answers_everybody_at_once_and_lets_nobody_wait(world: World) -> None:
    """Without another look: Redis may be slow just then."""
    ticket = await world.held()
    async with asked(world, ticket) as waiting:
        world.memory.calls.clear()
        world.waiting.drain()
    assert waiting.result().json()["state"] == "pending"
    assert world.memory.calls == []
    assert world.waits.ended == {WaitEnd.DRAINED: 1}
    assert (await ask(world, ticket, "wait=60")).json()["state"] == "pending"


async def test_an_outage_ends_the_wait_with_a_503(world: World) -> None:
    """As it would have been answered without waiting."""
    ticket = await world.held()
    async with asked(world, ticket) as waiting:
        world.memory.down = True
        world.changes.tell_all()
    assert waiting.result().status_code == 503
    assert world.waits.ended == {WaitEnd.FAILED: 1}
    assert world.waits.now == 0


async def test_a_ticket_that_is_gone_meanwhile_is_answered_as_any_that_is_not_there(world: World) -> None:
    ticket = await world.held()
    async with asked(world, ticket) as waiting:
        world.memory.tickets.clear()
        world.changes.tell(ticket.id)
    assert waiting.result().status_code == 403


async def test_a_client_that_leaves_gives_its_place_back(world: World) -> None:
    """Over a real connection, which it closes."""
    ticket = await world.held()
    bound = loopback_socket()
    host, port = bound.getsockname()[:2]
    async with served(world.app, bound):
        reader, writer = await asyncio.open_connection(host, port)
        token = world.mint.mint(ticket.id)
        lines = [
            f"GET /.holdgate/tickets/{ticket.id} HTTP/1.1",
            f"host: {address_of(bound)}",
            "prefer: wait=60",
        ]
        writer.write("\r\n".join([*lines, f"x-approval-ticket: {token}", "", ""]).encode())
        await comes_later(lambda: world.waits.now == 1)
        writer.close()
        await comes_later(lambda: world.waits.now == 0)
        assert reader.at_eof() or await reader.read() == b""
    assert world.waits.ended == {WaitEnd.CANCELLED: 1}


async def comes_later(condition: Callable[[], bool]) -> None:
    """Wait for what another side of a connection brings about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody but the product could set an event
            await asyncio.sleep(0.005)
