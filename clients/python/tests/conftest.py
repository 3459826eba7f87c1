from __future__ import annotations

from types import SimpleNamespace

import pytest

from clients.python.tests.gate_double import Caller, GateDouble, Time
from holdgate_client import async_transport, transport


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    clock = SimpleNamespace(monotonic=made.monotonic, sleep=made.sleep)
    monkeypatch.setattr(transport, "time", clock)
    monkeypatch.setattr(async_transport, "time", clock)
    return made


@pytest.fixture
def gate(time: Time) -> GateDouble:
    return GateDouble(time)


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest, time: Time, gate: GateDouble) -> Caller:
    kind: str = request.param
    return Caller(kind, time, gate)
