from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.client_docs.clients import Clients
from tests.e2e.client_docs.page import shown
from tests.e2e.client_docs.ruled import DECIDES, DECISION
from tests.e2e.gate.conftest import gate, shared_backing, shared_gate, shared_unguarded, unguarded
from tests.support.gate import Gate, running_gate, servers
from tests.support.gate_backing import Backing
from tests.support.gate_server import GateServer

__all__ = ["gate", "shared_backing", "shared_gate", "shared_unguarded", "unguarded"]


@pytest.fixture
def clients(gate: Gate, tmp_path: Path) -> Iterator[Clients]:
    """Programs before the gate as shipped."""
    with ExitStack() as stack:
        yield Clients(gate, tmp_path, stack)


@pytest.fixture(scope="session")
def shared_hurried_gate(shared_backing: Backing) -> Iterator[Gate]:
    with running_gate(shared_backing, parts=("check",), max_waiters="0") as made:
        yield made


@pytest.fixture
def hurried(gate: Gate, shared_hurried_gate: Gate, tmp_path: Path) -> Iterator[Clients]:
    """Programs before a gate that keeps nobody waiting; the other one's fresh start is its own."""
    assert gate.backing is shared_hurried_gate.backing
    with ExitStack() as stack:
        yield Clients(shared_hurried_gate, tmp_path, stack)


@pytest.fixture(scope="session")
def rule_servers(shared_backing: Backing) -> Iterator[tuple[dict[str, str], tuple[GateServer, ...]]]:
    """Servers that decide by the rules of the page, and their settings."""
    opa = shared_backing.opa
    opa.load("kubernetes", shown("rego kubernetes"))
    opa.load("mcp", shown("rego mcp"))
    opa.load("decides", DECIDES)
    environ = {**shared_backing.environ(), "HOLDGATE_OPA_DECISION_PATH": DECISION}
    with servers(shared_backing, environ, ("check",)) as running:
        yield environ, running
