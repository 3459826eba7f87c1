"""Behind an Envoy that hides bytes: what can't be told apart can't be approved, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.envoy_config.stack import ext_authz
from tests.support.gate import Document, Gate, envoy_before, problem
from tests.support.gate_backing import BOUND_HEADER, fresh

HIDDEN = [b"\xfe", b"\xff", b"!", b"a!b"]


def hides_bytes(document: Document) -> None:
    ext_authz(document)["encode_raw_headers"] = False
    del ext_authz(document)["with_request_body"]["pack_as_bytes"]


@pytest.fixture(scope="module")
def shared_hiding(shared_gate: Gate) -> Iterator[Gate]:
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, hides_bytes) as gate:
        yield gate


@pytest.fixture
def hiding(gate: Gate, shared_hiding: Gate) -> Gate:
    assert gate.backing is shared_hiding.backing
    return shared_hiding


@pytest.mark.parametrize("value", HIDDEN)
def test_a_bound_header_that_may_hide_bytes_is_not_held(value: bytes, hiding: Gate) -> None:
    response = hiding.send(fresh("hold"), (BOUND_HEADER, value))
    assert (response.status, problem(response)) == (503, "unavailable")
    assert value not in response.body
    assert hiding.send(fresh("open"), (BOUND_HEADER, value)).status == 200
    assert hiding.send(fresh("hold"), ("x-unbound", value)).status == 202


@pytest.mark.parametrize("value", HIDDEN)
def test_nor_is_it_redeemed(value: bytes, hiding: Gate) -> None:
    path = fresh("hold")
    held = hiding.approved(path, (BOUND_HEADER, b"plain"))
    before = hiding.record(held.id)
    assert hiding.send(path, (BOUND_HEADER, value), held.ticket).status == 503
    assert hiding.record(held.id) == before
    assert hiding.hits(path) == 0


@pytest.mark.parametrize(
    ("body", "status"), [(b"\xff", 413), (b"a!", 413), (b"plain", 202), ("é".encode(), 202)]
)
def test_a_body_sent_as_text_is_held_only_where_it_hides_nothing(
    body: bytes, status: int, hiding: Gate
) -> None:
    assert hiding.send(fresh("hold"), method="POST", body=body).status == status
    assert hiding.send(fresh("open"), method="POST", body=body).status == 200


def test_control_with_raw_headers_and_bytes_all_of_them_are_told_apart(gate: Gate) -> None:
    path = fresh("hold")
    headers = {gate.hold(path, (BOUND_HEADER, value)).id for value in HIDDEN}
    bodies = {gate.hold(path, method="POST", body=body).id for body in (b"\xff", b"\xfe", b"!")}
    assert len(headers | bodies) == len(HIDDEN) + 3
