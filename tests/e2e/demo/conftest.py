from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.demo.running import SERVING, Place, RunningDemo, a_place


@pytest.fixture
def place() -> Iterator[Place]:
    with a_place() as made:
        yield made


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[Place, RunningDemo]]:
    """A demo that has walked and serves, for the tests that only talk to it."""
    with a_place() as made, made.demo() as demo:
        demo.until_said(SERVING)
        yield made, demo
