from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import gate_unguarded
from tests.support.gate import Gate, envoy_before, running_gate, servers
from tests.support.gate_backing import Backing, backing
from tests.support.gate_server import GateServer
from tests.support.gate_unguarded import Guards


@dataclass(frozen=True, slots=True)
class Unguarded:
    """A gate like the other one on the same Redis, OPA and upstream, and what takes its guards out."""

    gate: Gate
    guards: Guards
    servers: tuple[GateServer, ...]


@pytest.fixture(scope="session")
def shared_backing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backing]:
    with backing(tmp_path_factory.mktemp("gate")) as made:
        yield made


@pytest.fixture(scope="session")
def shared_gate(shared_backing: Backing) -> Iterator[Gate]:
    with running_gate(shared_backing) as gate:
        yield gate


@pytest.fixture(scope="session")
def shared_unguarded(shared_backing: Backing) -> Iterator[Unguarded]:
    guards = Guards(shared_backing.folder / "guards")
    environ = {**shared_backing.environ(), gate_unguarded.VARIABLE: str(guards.path)}
    with (
        servers(shared_backing, environ, ("check",), gate_unguarded.__name__) as running,
        envoy_before(shared_backing, environ, running) as gate,
    ):
        yield Unguarded(gate, guards, running)


@pytest.fixture
def gate(shared_gate: Gate) -> Gate:
    """Two check servers and a console behind Envoy as shipped. Nobody is told of what waits."""
    shared_gate.backing.upstream.reset()
    shared_gate.backing.opa.reset()
    return shared_gate


@pytest.fixture
def unguarded(gate: Gate, shared_unguarded: Unguarded) -> Unguarded:
    """The gate for controls; asked for, it comes with the other one's fresh start."""
    assert gate.backing is shared_unguarded.gate.backing
    return shared_unguarded
