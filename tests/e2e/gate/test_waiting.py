"""A client that prefers to wait is answered by the last vote, through Envoy as shipped (RFC 7240)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authz.domain.ticket import Choice
from tests.e2e.envoy_config.http1 import Connection, connected
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import Gate, problem, running_gate
from tests.support.gate_backing import fresh
from tests.support.waiting import until

WAIT = ("prefer", b"return=minimal, wait=30")


def waiters(gate: Gate) -> float:
    """Say how many requests the servers keep open."""
    return sum(server.metric("holdgate_waiters") for server in gate.servers)


def newest(gate: Gate, path: str) -> str:
    """Return the id of the ticket that a held request for this path has."""
    return gate.hold(path).id


@contextmanager
def waiting(gate: Gate, path: str, *more: tuple[str, bytes]) -> Iterator[Connection]:
    """Give a connection on which a request is being kept open."""
    before = waiters(gate)
    with connected(gate.port) as connection:
        connection.send(gate.request(path, WAIT, *more))
        until("the request waits", lambda: waiters(gate) == before + 1)
        yield connection
    until("it waits no more", lambda: waiters(gate) <= before)


def test_the_vote_lets_the_very_request_through_that_waits(gate: Gate) -> None:
    path = fresh("hold")
    with waiting(gate, path) as connection:
        ticket = newest(gate, path)
        gate.vote(ticket)
        answer = connection.response()
    assert answer.status == 200
    assert answer.values("preference-applied") == [b"wait=30"]
    (received,) = gate.received(path)
    assert received.values("x-approval-id") == [ticket.encode()]
    assert received.values("prefer") == [b"return=minimal"], "what was honoured is done with"
    assert gate.events(ticket)[-2:] == ["grant.redeemed", "grant.used_up"]


def test_a_rejection_reaches_who_waits(gate: Gate) -> None:
    path = fresh("hold")
    with waiting(gate, path) as connection:
        gate.vote(newest(gate, path), choice=Choice.REJECT)
        answer = connection.response()
    assert problem(answer) == "rejected"
    assert gate.hits(path) == 0


def test_who_presents_the_ticket_can_wait_as_well(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.hold(path)
    with waiting(gate, path, held.ticket) as connection:
        gate.vote(held.id)
        assert connection.response().status == 200
    assert gate.hits(path) == 1


def test_of_two_that_wait_for_one_use_one_goes_through(gate: Gate) -> None:
    path = fresh("hold")
    with waiting(gate, path) as one, waiting(gate, path) as other:
        gate.vote(newest(gate, path))
        answers = sorted((one.response(), other.response()), key=lambda answer: answer.status)
    assert [answer.status for answer in answers] == [200, 403]
    assert problem(answers[1]) == "used-up"
    assert gate.hits(path) == 1


def test_a_client_that_went_away_redeems_nothing(gate: Gate) -> None:
    path = fresh("hold")
    with waiting(gate, path):
        ticket = newest(gate, path)
    gate.vote(ticket)
    assert gate.events(ticket)[-1] == "ticket.approved"
    assert gate.record(ticket)[b"uses_left"] == b"1"
    assert gate.hits(path) == 0


def test_control_a_server_that_goes_on_without_its_client_takes_the_use(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    with unguarded.guards.without("cancellation"):
        with connected(gate.port) as connection:
            connection.send(gate.request(path, WAIT))
            until("the request waits", lambda: waiters(gate) == 1)
            ticket = newest(gate, path)
        gate.vote(ticket)
        until("the use is taken", lambda: gate.record(ticket)[b"uses_left"] == b"0")
    assert gate.hits(path) == 0


def test_who_prefers_not_to_wait_gets_the_hold_at_once(gate: Gate) -> None:
    answer = gate.send(fresh("hold"), ("prefer", b"respond-async"))
    assert answer.status == 202
    assert answer.values("preference-applied") == [b"respond-async"]


def test_what_is_plainly_allowed_keeps_its_preferences(gate: Gate) -> None:
    path = fresh("open")
    assert gate.send(path, WAIT, method="GET").status == 200
    (received,) = gate.received(path)
    assert received.values("prefer") == [WAIT[1]]


def test_no_more_than_the_bound_wait_and_the_rest_get_the_hold(shared_gate: Gate) -> None:
    path = fresh("hold")
    with running_gate(
        shared_gate.backing, parts=("check",), max_waiters="3", max_waiters_per_requester="2"
    ) as gate:
        with waiting(gate, path), waiting(gate, path):
            beyond = gate.send(path, WAIT)
            assert (beyond.status, beyond.values("preference-applied")) == (202, [])
            assert json.loads(beyond.body)["state"] == "pending"
        until("there is room again", lambda: waiters(gate) == 0)


def test_a_wait_ends_with_the_hold_when_the_longest_time_is_over(shared_gate: Gate) -> None:
    with running_gate(shared_gate.backing, parts=("check",), max_wait="300ms") as gate:
        answer = gate.send(fresh("hold"), WAIT)
    assert (answer.status, json.loads(answer.body)["state"]) == (202, "pending")


def test_a_drain_answers_everybody_who_waits_with_the_hold(shared_gate: Gate) -> None:
    path = fresh("hold")
    with running_gate(shared_gate.backing, parts=("check",)) as gate:
        (server,) = gate.servers
        with connected(gate.port) as connection:
            connection.send(gate.request(path, WAIT))
            until("the request waits", lambda: waiters(gate) == 1)
            server.ask_to_stop()
            answer = connection.response()
    assert (answer.status, json.loads(answer.body)["state"]) == (202, "pending")


@pytest.mark.parametrize("preference", [b"wait=30", b"WAIT = 30", b'foo="a,b", wait="30"; x=y'])
def test_however_the_preference_is_written_envoy_takes_the_waiting_route(
    gate: Gate, preference: bytes
) -> None:
    path = fresh("hold")
    with connected(gate.port) as connection:
        connection.send(gate.request(path, ("prefer", preference)))
        until("the request waits", lambda: waiters(gate) == 1)
        gate.vote(newest(gate, path))
        assert connection.response().status == 200
