from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.client_docs.clients import Clients
from tests.e2e.gate.conftest import gate, shared_backing, shared_gate, shared_unguarded, unguarded
from tests.support.gate import Gate, running_gate
from tests.support.gate_backing import Backing

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
