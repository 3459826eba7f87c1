"""Times as everybody is told them."""

from __future__ import annotations

import time

import pytest

from authz.domain.timestamps import rfc3339


def test_a_time_is_told_in_utc_wherever_the_server_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        assert rfc3339(1_700_000_000_999) == "2023-11-14T22:13:20Z"
    finally:
        monkeypatch.undo()
        time.tzset()
