"""docs/grpc.md says what is so, and what it shows works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from authz.domain.problems import Problem
from tests.e2e.contract.grpc_calls import unary
from tests.e2e.contract.holdgate.test_grpc_callers import credentials, grpc_gate
from tests.support.gate import TICKET, Gate
from tests.support.gate_backing import fresh

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "grpc.md").read_text("utf-8")
CODES = re.findall(r"^\| ([A-Z_]+) \| (.+?) \|", PAGE, re.MULTILINE)
# What the resources of Holdgate's own answer, which nobody calls by gRPC.
OF_HTTP_ALONE = {
    Problem.NOT_FOUND,
    Problem.METHOD_NOT_ALLOWED,
    Problem.TICKET_OVER,
    Problem.CANCEL_NOT_PERMITTED,
}


def held() -> Callable[[grpc.RpcError], tuple[dict[str, str], str] | None]:
    """Return the function that the page shows."""
    (shown,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(shown, names)  # noqa: S102 - it is the page's own
    found: Callable[[grpc.RpcError], tuple[dict[str, str], str] | None] = names["held"]
    return found


def test_every_reason_has_its_code_on_the_page() -> None:
    said = {(code, reason) for code, reasons in CODES for reason in re.findall(r"`([A-Z_]+)`", reasons)}
    assert said == {
        (each.value.grpc_status.name, each.value.reason) for each in Problem if each not in OF_HTTP_ALONE
    }


def test_what_the_page_shows_reads_a_hold_and_nothing_else(gate: Gate) -> None:
    path = fresh("hold")
    with grpc_gate(gate) as (before, _):
        with pytest.raises(grpc.RpcError) as caught:
            unary(before.port, path, credentials(gate))
        known = held()(caught.value)
        assert known is not None
        members, ticket = known
        gate.vote(members["id"])
        assert unary(before.port, path, [*credentials(gate), (TICKET, ticket)]) == b"a"
        with pytest.raises(grpc.RpcError) as refused:
            unary(before.port, path, [*credentials(gate), (TICKET, ticket)])
        assert held()(refused.value) is None
        with pytest.raises(grpc.RpcError) as denied:
            unary(before.port, fresh("closed"), credentials(gate))
        assert held()(denied.value) is None
