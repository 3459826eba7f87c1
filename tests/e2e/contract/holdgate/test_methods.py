"""Methods that browsers and tools send by themselves."""

from __future__ import annotations

import pytest

from tests.e2e.contract.raw import exchange
from tests.support.gate import TICKET, Gate
from tests.support.gate_backing import fresh

PREFLIGHT = (("origin", b"https://app.test"), ("access-control-request-method", b"DELETE"))


def head(gate: Gate, path: str, *headers: tuple[str, bytes]) -> tuple[bytes, dict[bytes, bytes], bytes]:
    request = gate.request(path, *headers, ("connection", b"close"), method="HEAD")
    top, _, body = exchange(gate.port, request).partition(b"\r\n\r\n")
    first, *lines = top.split(b"\r\n")
    pairs = (line.split(b": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in pairs}, body


def test_a_held_head_has_the_ticket_and_no_body(gate: Gate) -> None:
    path = fresh("hold")
    status, headers, body = head(gate, path)
    assert status.startswith(b"HTTP/1.1 202 ")
    assert headers[TICKET.encode()]
    assert body == b""


def test_a_ticket_for_a_head_is_none_for_a_get(gate: Gate) -> None:
    path = fresh("hold")
    _, headers, _ = head(gate, path)
    ticket = (TICKET, headers[TICKET.encode()])
    assert gate.send(path, ticket, method="GET").status == 409
    assert gate.hits(path) == 0


def test_a_refused_head_has_no_body(gate: Gate) -> None:
    status, headers, body = head(gate, fresh("closed"))
    assert status.startswith(b"HTTP/1.1 403 ")
    assert int(headers[b"content-length"]) > 0
    assert body == b""


@pytest.mark.parametrize(("kind", "status"), [("open", 200), ("closed", 403), ("hold", 202)])
@pytest.mark.parametrize("headers", [(), PREFLIGHT], ids=["plain", "a preflight"])
def test_options_are_checked_like_everything_else(
    kind: str, status: int, headers: tuple[tuple[str, bytes], ...], gate: Gate
) -> None:
    path = fresh(kind)
    assert gate.send(path, *headers, method="OPTIONS").status == status
    assert gate.hits(path) == (status == 200)


def test_a_preflight_of_nobody_is_the_policys_to_allow(gate: Gate) -> None:
    """Browsers send it without credentials, so it can't be held for anybody."""
    assert gate.send(fresh("open"), *PREFLIGHT, method="OPTIONS", who=None).status == 200
    assert gate.send(fresh("hold"), *PREFLIGHT, method="OPTIONS", who=None).status == 503
