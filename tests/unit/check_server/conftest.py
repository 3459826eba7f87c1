from __future__ import annotations

from pathlib import Path

import pytest

from authz.adapters.telemetry.metrics import Metrics
from tests.e2e.envoy_config.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "pki"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()
