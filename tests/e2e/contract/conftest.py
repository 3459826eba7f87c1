from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.contract.bare import bare_envoy
from tests.e2e.envoy_config.stack import Gate, Stack, running_stack
from tests.support.waiting import until

# For a check on a busy machine.
PATIENCE = 8.0

BareEnvoy = Callable[..., AbstractContextManager[Gate]]


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("peers")) as stack:
        yield stack


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bare")


@pytest.fixture(scope="session")
def shared_bare(shared_stack: Stack, bare_folder: Path) -> Iterator[Gate]:
    with bare_envoy(shared_stack, bare_folder) as gate:
        yield gate


@pytest.fixture(scope="session")
def shared_shipped(shared_stack: Stack) -> Iterator[Gate]:
    with shared_stack.gate(check_timeout=PATIENCE) as gate:
        yield gate


def await_check_server(gate: Gate) -> None:
    """Wait until Envoy takes the check server for healthy."""
    healthy = "cluster.holdgate_check.membership_healthy"
    until("the check server is healthy", lambda: gate.envoy.counter(healthy) == 1)


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The scripted check server and the recording upstream, reset."""
    shared_stack.reset()
    return shared_stack


@pytest.fixture
def bare(stack: Stack, shared_bare: Gate) -> Gate:
    """Envoy with ext_authz and everything else as by default."""
    assert not stack.upstream.received
    return shared_bare


@pytest.fixture
def shipped(stack: Stack, shared_shipped: Gate) -> Gate:
    """Envoy with the configuration as shipped, before the scripted check server."""
    assert not stack.upstream.received
    await_check_server(shared_shipped)
    return shared_shipped


@pytest.fixture
def changed(stack: Stack, bare_folder: Path) -> BareEnvoy:
    """What runs a bare Envoy with changes to its configuration."""
    return partial(bare_envoy, stack, bare_folder)
