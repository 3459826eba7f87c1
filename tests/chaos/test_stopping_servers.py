"""Check servers that come and go behind Envoy: told to stop, they cost no request; killed, only what they had."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from authz.adapters.envoy_config import limits
from tests.e2e.envoy_config.http1 import connected
from tests.support.gate import Gate, running_gate
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_load import CLIENTS, Load, load
from tests.support.gate_server import GateServer
from tests.support.waiting import until

DRAIN_SECONDS = 3.0
GRACE_SECONDS = 5.0
BUSY = 200
IN_FLIGHT = 12


def goes_on(running: Load, more: int = BUSY) -> None:
    """Wait until so many more requests were answered."""
    goal = running.answered + more
    until(f"{more} more answers", lambda: running.answered >= goal or bool(running.broken), 30)


def test_servers_that_are_replaced_one_by_one_cost_no_request(around: Backing) -> None:
    grants = []
    with running_gate(
        around,
        parts=("check", "check"),
        drain_delay=f"{DRAIN_SECONDS:g}s",
        shutdown_grace=f"{GRACE_SECONDS:g}s",
    ) as gate:
        for _ in range(10):
            path = fresh("hold")
            grants.append((path, gate.approved(path)))
        with load(gate) as running:
            goes_on(running)
            for server, half in zip(gate.servers, (slice(5), slice(5, None)), strict=True):
                began = time.monotonic()
                server.ask_to_stop()
                for path, held in grants[half]:
                    assert gate.send(path, held.ticket).status == 200
                assert server.exit_code(DRAIN_SECONDS + GRACE_SECONDS + 2) == 0
                assert time.monotonic() - began >= DRAIN_SECONDS
                server.start()
                server.await_ready()
                gate.await_servers(2)
                goes_on(running)
        assert running.broken == []
        assert running.kinds() == {("open", 200), ("hold", 202)}
        ids = [ticket.split(".")[2] for ticket in running.tickets]
        assert len(set(ids)) == running.of("hold", 202)
        histories = gate.histories()
        assert {tuple(histories[each]) for each in ids} == {("ticket.created",)}
        hits = Counter(message.target for message in around.upstream.received)
        assert len(hits) == running.of("open", 200) + len(grants)
        assert max(hits.values()) == 1


def at_work(around: Backing, end: Callable[[GateServer], object]) -> tuple[Counter[int], Gate, Counter[int]]:
    """End one of two servers while both have checks in hand; return those checks' statuses and later ones'."""
    with running_gate(around, parts=("check", "check"), drain_delay="3s", shutdown_grace="5s") as gate:
        statuses: list[int] = []
        path = fresh("open")

        def client() -> None:
            statuses.append(gate.send(path).status)

        clients = [threading.Thread(target=client) for _ in range(IN_FLIGHT)]
        with around.opa.silent():
            for each in clients:
                each.start()
            until("every check is at OPA", lambda: len(around.opa.inputs) == IN_FLIGHT)
            shares = [server.metric("holdgate_checks_in_flight") for server in gate.servers]
            assert all(shares), shares
            end(gate.servers[0])
        for each in clients:
            each.join()
        later = Counter(gate.send(fresh("open")).status for _ in range(20))
        assert Counter(statuses)[503] in {0, shares[0]}
        return Counter(statuses), gate, later


def test_a_server_that_is_told_to_stop_finishes_what_it_has_in_hand(around: Backing) -> None:
    statuses, _, later = at_work(around, GateServer.ask_to_stop)
    assert statuses == {200: IN_FLIGHT}
    assert later == {200: 20}


def test_control_a_server_that_is_killed_loses_what_it_had_in_hand_and_nothing_else(around: Backing) -> None:
    statuses, _, later = at_work(around, GateServer.kill)
    assert 0 < statuses[503] < IN_FLIGHT
    assert statuses[200] == IN_FLIGHT - statuses[503]
    assert later == {200: 20}


def test_a_killed_server_costs_no_more_than_it_had_in_hand_and_is_left_out_soon(around: Backing) -> None:
    with running_gate(around, parts=("check", "check")) as gate, load(gate) as running:
        goes_on(running)
        gate.servers[0].kill()
        until(
            "one left",
            lambda: gate.healthy_servers == 1,
            limits.HEALTH_INTERVAL * limits.UNHEALTHY_THRESHOLD + 2,
        )
        goes_on(running, CLIENTS * 5)  # answers that were on their way are counted now
        lost = running.of("open", 503) + running.of("hold", 503)
        goes_on(running)
    assert running.broken == []
    # Each client has one request under way; a socket that is being torn down may take one more.
    assert lost <= 2 * CLIENTS
    assert running.of("open", 503) + running.of("hold", 503) == lost
    assert running.kinds() <= {("open", 200), ("hold", 202), ("open", 503), ("hold", 503)}


@pytest.mark.parametrize("kind", ["open", "hold"])
def test_with_no_server_left_nothing_passes(kind: str, around: Backing) -> None:
    with running_gate(around, parts=("check",)) as gate:
        gate.servers[0].kill()
        path = fresh(kind)
        response = gate.send(path)
        assert (response.status, response.body) == (503, b"")
        assert gate.hits(path) == 0


def test_a_server_stops_although_a_client_never_finishes_its_request(around: Backing) -> None:
    with running_gate(around, parts=("check",)) as gate, connected(gate.port) as idle:
        idle.send(gate.request(fresh("open"), ("content-length", b"10"), method="POST") + b"half")
        gate.servers[0].ask_to_stop()
        assert gate.servers[0].exit_code(5) == 0
