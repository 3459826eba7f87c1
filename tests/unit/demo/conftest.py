from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from authz.entrypoints.demo.run_directory import RunDirectory


@pytest.fixture
def run() -> Iterator[RunDirectory]:
    """A run directory whose path is short enough for sockets, whatever the test is called."""
    with tempfile.TemporaryDirectory(prefix="hg-") as folder:
        yield RunDirectory(Path(folder) / "run")
