from __future__ import annotations

from collections.abc import Iterator

import pytest

from authz.adapters.envoy_config.clusters import CHECK_CLUSTER
from tests.e2e.envoy_config.stack import Gate, Stack, running_stack
from tests.support.waiting import until


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("envoy")) as stack:
        yield stack


@pytest.fixture(scope="session")
def shared_gate(shared_stack: Stack) -> Iterator[Gate]:
    with shared_stack.gate() as gate:
        yield gate


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    shared_stack.reset()
    return shared_stack


@pytest.fixture
def gate(stack: Stack, shared_gate: Gate) -> Gate:
    """Envoy with the configuration as shipped."""
    assert not stack.upstream.received
    # The recording server shares a process with the tests, and on a busy machine may miss two health checks.
    healthy = f"cluster.{CHECK_CLUSTER}.membership_healthy"
    until("Envoy takes the check server for healthy", lambda: shared_gate.envoy.counter(healthy) == 1)
    return shared_gate
