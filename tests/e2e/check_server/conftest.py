from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gate_backing import Backing, backing


@pytest.fixture(scope="session")
def shared_backing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backing]:
    with backing(tmp_path_factory.mktemp("check")) as made:
        yield made


@pytest.fixture
def around(shared_backing: Backing) -> Backing:
    """Redis, OPA, upstream and chat room; each test starts check servers of its own before them."""
    shared_backing.upstream.reset()
    shared_backing.opa.reset()
    return shared_backing
