"""`Prefer: wait` on the status of a ticket, through Envoy: woken by Redis, bounded, answered when the console stops."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from authz.domain.ticket import Choice
from tests.e2e.envoy_config.http1 import Message
from tests.e2e.gate.test_refused_tickets import redis_commands
from tests.support.gate import TICKET, Gate, Held, envoy_before, servers
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_server import GateServer
from tests.support.waiting import until

EACH = 2
LOOK = re.compile(r"EVALSHA \w+ 2 ")
"""The script that reads a ticket has two keys, all others have more."""

SOON_S = 8.0
"""Less than the clients wait, who ask for 9 seconds."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A gate whose console can be looked at and stopped, and clients that wait there."""

    gate: Gate
    console: GateServer
    clients: ThreadPoolExecutor

    def ask(self, held: Held, *more: tuple[str, bytes]) -> Future[Message]:
        """Ask for the status in a thread of its own."""
        headers = (held.ticket, ("prefer", b"wait=9"), *more)
        return self.clients.submit(self.gate.send, status_path(held), *headers, method="GET")

    def await_news(self) -> None:
        console = self.console
        until("news arrive", lambda: console.metric("holdgate_change_feed_subscribed") == 1, SOON_S)

    def await_waiting(self, number: int) -> None:
        until(f"{number} wait", lambda: self.console.metric("holdgate_status_waiters") == number, SOON_S)


def status_path(held: Held) -> str:
    return f"/.holdgate/tickets/{held.id}"


@pytest.fixture(scope="module")
def shared_hall(shared_backing: Backing) -> Iterator[Hall]:
    environ = {**shared_backing.environ(), "HOLDGATE_MAX_WAITERS_PER_REQUESTER": str(EACH)}
    with (
        servers(shared_backing, environ, ("check", "console")) as running,
        envoy_before(shared_backing, environ, running) as gate,
        ThreadPoolExecutor(8) as clients,
    ):
        yield Hall(gate, running[1], clients)


@pytest.fixture
def hall(shared_hall: Hall) -> Hall:
    shared_hall.gate.backing.upstream.reset()
    shared_hall.gate.backing.opa.reset()
    shared_hall.await_news()
    return shared_hall


@pytest.mark.parametrize(("choice", "state"), [(Choice.APPROVE, "approved"), (Choice.REJECT, "rejected")])
def test_it_is_answered_by_the_last_vote_and_not_by_looking_again(
    choice: Choice, state: str, hall: Hall
) -> None:
    held = hall.gate.hold(fresh("hold"))
    with redis_commands(hall.gate) as seen:
        waiting = hall.ask(held)
        hall.await_waiting(1)
        hall.gate.vote(held.id, choice=choice)
        answer = waiting.result(SOON_S)
    assert (answer.status, json.loads(answer.body)["state"]) == (200, state)
    assert answer.values("preference-applied") == [b"wait=9"]
    assert hall.console.metric("holdgate_status_waiters") == 0
    # Before the wait and after the news; whoever votes looks twice, too.
    looks = [command for command in seen if LOOK.match(command)]
    assert len(looks) == 4, looks
    assert not hall.gate.backing.upstream.received


def test_who_takes_the_request_back_ends_the_wait_of_others(hall: Hall) -> None:
    held = hall.gate.hold(fresh("hold"))
    waiting = hall.ask(held)
    hall.await_waiting(1)
    assert hall.gate.send(status_path(held), held.ticket).status == 200
    assert json.loads(waiting.result(SOON_S).body)["state"] == "cancelled"


def test_beyond_the_bound_for_one_requester_the_answer_is_there_at_once(hall: Hall) -> None:
    held = hall.gate.hold(fresh("hold"))
    waiting = [hall.ask(held) for _ in range(EACH)]
    hall.await_waiting(EACH)
    refused = hall.ask(held).result(SOON_S)
    assert (refused.status, json.loads(refused.body)["state"]) == (200, "pending")
    assert not refused.values("preference-applied")
    # Another requester has room, and whoever doesn't wait is answered as ever.
    other = hall.gate.hold(fresh("hold"), who="dave")
    theirs = hall.ask(other)
    hall.await_waiting(EACH + 1)
    assert hall.gate.send(status_path(held), held.ticket, method="GET").status == 200
    hall.gate.vote(held.id)
    hall.gate.vote(other.id)
    assert {json.loads(each.result(SOON_S).body)["state"] for each in (*waiting, theirs)} == {"approved"}


def test_a_wrong_token_waits_for_nothing(hall: Hall) -> None:
    held = hall.gate.hold(fresh("hold"))
    forged = Held(held.response, held.id, "", (TICKET, held.token[:-2].encode() + b"-A"))
    with redis_commands(hall.gate) as seen:
        assert hall.ask(forged).result(SOON_S).status == 403
    assert seen == []


def test_a_console_that_stops_answers_all_who_wait_first(hall: Hall) -> None:
    held = hall.gate.hold(fresh("hold"))
    waiting = [hall.ask(held) for _ in range(EACH)]
    hall.await_waiting(EACH)
    hall.console.ask_to_stop()
    answers = [each.result(SOON_S) for each in waiting]
    assert {(answer.status, json.loads(answer.body)["state"]) for answer in answers} == {(200, "pending")}
    assert hall.console.exit_code(SOON_S) == 0
    hall.console.start()
    hall.console.await_ready()
