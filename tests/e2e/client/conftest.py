from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.gate.conftest import gate, shared_backing, shared_gate
from tests.support.gate import HOST, Gate

__all__ = ["gate", "shared_backing", "shared_gate"]


@pytest.fixture
def plain() -> Iterator[httpx.HTTPTransport]:
    """A transport with one connection: what keeps it while it waits would wait forever."""
    with httpx.HTTPTransport(limits=httpx.Limits(max_connections=1)) as transport:
        yield transport


def address(gate: Gate) -> str:
    """Return where Envoy listens."""
    return f"http://127.0.0.1:{gate.port}"


def signed(gate: Gate, who: str = "alice") -> dict[str, str]:
    """Return the headers of somebody's requests."""
    return {"authorization": f"Bearer {gate.backing.token(who)}", "host": HOST}
