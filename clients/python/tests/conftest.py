from __future__ import annotations

from types import SimpleNamespace

import pytest

from clients.python.tests.gate_double import Caller, GateDouble, Time
from holdgate_client import async_clock, blocking_clock


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    clock = SimpleNamespace(monotonic=made.monotonic, sleep=made.sleep)
    monkeypatch.setattr(blocking_clock, "time", clock)
    monkeypatch.setattr(async_clock, "time", clock)
    return made


@pytest.fixture
def gate(time: Time) -> GateDouble:
    return GateDouble(time)


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest, time: Time, gate: GateDouble) -> Caller:
    kind: str = request.param
    return Caller(kind, time, gate)
