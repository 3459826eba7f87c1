from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.policies.opa_server import RunningOpa, copy_policies, running_opa


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpa]:
    """One OPA with the shipped policies, for tests that only ask."""
    folder = tmp_path_factory.mktemp("demo")
    copy_policies(folder)
    with running_opa(folder) as opa:
        yield opa


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningOpa]:
    """An OPA of the test's own, for tests that edit the policies."""
    copy_policies(tmp_path)
    with running_opa(tmp_path) as opa:
        yield opa
