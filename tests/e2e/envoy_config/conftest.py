from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.envoy_config.stack import Document, Gate, Stack, cluster, running_stack


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("envoy")) as stack:
        yield stack


@pytest.fixture(scope="session")
def shared_gate(shared_stack: Stack) -> Iterator[Gate]:
    with shared_stack.gate(patient_health_checks) as gate:
        yield gate


def patient_health_checks(document: Document) -> None:
    """Let the recording server, which shares its process with the tests, be slow to answer.

    What the shipped health checks do is shown with gates of their own.
    """
    cluster(document, "holdgate_check")["health_checks"][0].update(timeout="10s", unhealthy_threshold=5)


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    shared_stack.reset()
    return shared_stack


@pytest.fixture
def gate(stack: Stack, shared_gate: Gate) -> Gate:
    """Envoy with the configuration as shipped."""
    assert not stack.upstream.received
    return shared_gate
