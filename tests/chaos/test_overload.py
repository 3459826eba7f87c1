"""Ten times more than the bound: the rest is refused at once and asks nobody, what was admitted is answered right."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import gate_unguarded
from tests.support.gate import Document, Gate, envoy_before, running_gate, servers
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_unguarded import Guards
from tests.support.waiting import until

BOUND = 4
AT_ONCE = 10 * BOUND
RIGHT = {"open": 200, "closed": 403, "hold": 202}
KINDS = list(RIGHT)
PATIENCE = 8.0
SETTINGS = {"max_concurrent_checks": str(BOUND), "opa_timeout": "28s", "check_timeout": "30s"}


def no_bound_of_envoys(document: Document) -> None:
    """Let Envoy send whatever it has, as an Envoy among many others does."""
    for cluster in document["static_resources"]["clusters"]:
        if cluster["name"] == "holdgate_check":
            cluster["circuit_breakers"] = {
                "thresholds": [{"max_requests": 10_000, "max_pending_requests": 10_000}]
            }


@dataclass(slots=True)
class Rush:
    """Clients that all ask at once while OPA says nothing: their paths, and the statuses that came back by then."""

    gate: Gate
    paths: list[str] = field(
        default_factory=lambda: [fresh(KINDS[each % len(KINDS)]) for each in range(AT_ONCE)]
    )
    statuses: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let OPA be silent in the block, and every client be refused or at OPA when it begins."""
        opa = self.gate.backing.opa
        opa.inputs.clear()
        clients = [threading.Thread(target=self._client, args=(path,)) for path in self.paths]
        with opa.silent():
            for each in clients:
                each.start()
            until(
                "all are refused or at OPA",
                lambda: len(self.statuses) + len(self.asked) == AT_ONCE,
                PATIENCE,
            )
            self.refused = dict(self.statuses)
            yield
        for each in clients:
            each.join()

    @property
    def asked(self) -> set[str]:
        """The paths that OPA was asked about."""
        return {each["attributes"]["request"]["http"]["path"] for each in self.gate.backing.opa.inputs}

    def _client(self, path: str) -> None:
        self.statuses[path] = self.gate.send(path).status


def serving(gate: Gate) -> bool:
    """Ask the server itself for its health."""
    with grpc.insecure_channel(gate.servers[0].address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def good_health_checks(gate: Gate) -> int:
    return gate.envoy.counter("cluster.holdgate_check.health_check.success")


def refused_by_envoy(gate: Gate) -> int:
    """Count in both of its counters: 1.37 knows the second alone."""
    names = ("active", "pending")
    return sum(gate.envoy.counter(f"cluster.holdgate_check.upstream_rq_{name}_overflow") for name in names)


@contextmanager
def gate_without(around: Backing, guard: str) -> Iterator[Gate]:
    """Run a server without one guard, behind an Envoy without a bound."""
    guards = Guards(around.folder / "guards")
    own = {f"HOLDGATE_{name.upper()}": value for name, value in SETTINGS.items()}
    environ = {**around.environ(), **own, gate_unguarded.VARIABLE: str(guards.path)}
    with (
        servers(around, environ, ("check",), gate_unguarded.__name__) as running,
        envoy_before(around, environ, running, no_bound_of_envoys) as gate,
        guards.without(guard),
    ):
        yield gate


@pytest.mark.parametrize("refuses", ["envoy", "the server"])
def test_what_is_beyond_the_bound_is_refused_at_once_and_everything_else_answered_right(
    refuses: str, around: Backing
) -> None:
    changes = [] if refuses == "envoy" else [no_bound_of_envoys]
    with running_gate(around, *changes, parts=("check",), **SETTINGS) as gate:
        (server,) = gate.servers
        rush = Rush(gate)
        with rush.running():
            assert len(rush.asked) == server.metric("holdgate_checks_in_flight") == BOUND
            assert Counter(rush.refused.values()) == {503: AT_ONCE - BOUND}
            assert serving(gate)
            before = good_health_checks(gate)
            until("Envoy's health check is answered", lambda: good_health_checks(gate) > before, PATIENCE)
            assert gate.healthy_servers == 1
        assert rush.asked.isdisjoint(rush.refused), "a refused request reached OPA"
        admitted = {path: status for path, status in rush.statuses.items() if path not in rush.refused}
        assert admitted == {path: RIGHT[path.split("/")[1]] for path in rush.asked}
        passed = {path for path, status in admitted.items() if status == 200}
        assert {message.target for message in around.upstream.received} == passed
        # Envoy's threads count together a moment late, so that a few may slip through to the server's own bound.
        by_envoy, by_server = refused_by_envoy(gate), server.metric("holdgate_checks_shed_total")
        assert by_envoy > AT_ONCE / 2 if refuses == "envoy" else by_envoy == 0
        assert by_envoy + by_server >= AT_ONCE - BOUND

        again = Rush(gate)
        with again.running():
            assert len(again.asked) == BOUND, "there is exactly as much room as before"
        assert [gate.send(fresh(kind)).status for kind in KINDS] == list(RIGHT.values())
        assert server.metric("holdgate_checks_in_flight") == 0


def test_control_without_the_bound_all_of_them_are_judged_at_once(around: Backing) -> None:
    with gate_without(around, "shedding") as gate:
        rush = Rush(gate)
        with rush.running():
            assert rush.refused == {}
            assert gate.servers[0].metric("holdgate_checks_in_flight") == AT_ONCE
        assert Counter(rush.statuses.values())[503] == 0
