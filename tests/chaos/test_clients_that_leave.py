"""A client that goes away cancels its check: nothing is redeemed for nobody, and nothing is left half done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.envoy_config.http1 import connected
from tests.support import gate_unguarded
from tests.support.gate import Gate, envoy_before, running_gate, servers
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_unguarded import Guards
from tests.support.waiting import until


@pytest.fixture(scope="module")
def shared(shared_backing: Backing) -> Iterator[Gate]:
    with running_gate(shared_backing, parts=("check",)) as gate:
        yield gate


@pytest.fixture
def gate(around: Backing, shared: Gate) -> Gate:
    assert shared.backing is around
    return shared


def leave(gate: Gate, request: bytes) -> None:
    """Send a request, and go away while the check waits for OPA."""
    gate.backing.opa.inputs.clear()
    with connected(gate.port) as connection:
        connection.send(request)
        until("OPA is asked", lambda: len(gate.backing.opa.inputs) == 1)
    until("Envoy has noticed", lambda: gate.envoy.counter("http.holdgate.downstream_rq_active") == 0)


def in_flight(gate: Gate) -> float:
    return sum(server.metric("holdgate_checks_in_flight") for server in gate.servers)


def test_a_redemption_whose_client_left_takes_no_use(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    before = gate.record(held.id)
    with gate.backing.opa.silent():
        leave(gate, gate.request(path, held.ticket))
        until("the check is given up", lambda: in_flight(gate) == 0)
    assert gate.send(fresh("open")).status == 200
    assert gate.record(held.id) == before
    assert gate.hits(path) == 0
    assert gate.send(path, held.ticket).status == 200


def test_a_hold_whose_client_left_is_a_whole_ticket_or_none(gate: Gate) -> None:
    path = fresh("hold")
    with gate.backing.opa.silent():
        leave(gate, gate.request(path))
        until("the check is given up", lambda: in_flight(gate) == 0)
    held = gate.hold(path)
    assert gate.events(held.id) == ["ticket.created"]


def test_many_clients_that_leave_leave_nothing_behind(gate: Gate) -> None:
    for _ in range(3):
        with gate.backing.opa.silent():
            gate.backing.opa.inputs.clear()
            for _ in range(20):
                with connected(gate.port) as connection:
                    connection.send(gate.request(fresh("hold")))
            until("every check is given up", lambda: in_flight(gate) == 0)
    assert gate.send(fresh("open")).status == 200
    assert not any("check.unexpected" in server.log.read_text() for server in gate.servers)


def test_control_a_check_that_goes_on_without_its_client_takes_the_use(around: Backing) -> None:
    guards = Guards(around.folder / "guards")
    environ = {**around.environ(), gate_unguarded.VARIABLE: str(guards.path)}
    path = fresh("hold")
    with (
        servers(around, environ, ("check",), gate_unguarded.__name__) as running,
        envoy_before(around, environ, running) as gate,
        guards.without("cancellation"),
    ):
        held = gate.approved(path)
        with around.opa.silent():
            leave(gate, gate.request(path, held.ticket))
        until("the use is taken", lambda: gate.record(held.id)[b"uses_left"] == b"0")
        assert gate.hits(path) == 0
