"""Where a route switches buffering off, Holdgate has to be told: it can't see it."""

from __future__ import annotations

import pytest

from tests.e2e.contract.bare import per_route
from tests.e2e.gate.test_bodies import assert_not_visible, chunked
from tests.support.gate import Document, Gate, envoy_before
from tests.support.gate_backing import fresh


def declared(document: Document) -> None:
    per_route(document, disable_request_body_buffering=True, context_extensions={"holdgate_body_limit": "0"})


def undeclared(document: Document) -> None:
    per_route(document, disable_request_body_buffering=True)


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_a_route_that_says_it_shows_no_body_holds_and_redeems_nothing(body: bytes, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path, method="POST", body=body)
    with envoy_before(gate.backing, gate.environ, gate.servers, declared) as unbuffered:
        assert_not_visible(chunked(unbuffered, path, body))
        assert_not_visible(chunked(unbuffered, path, body, held.ticket))
        assert_not_visible(unbuffered.send(path, held.ticket, method="POST", body=body))
        assert chunked(unbuffered, fresh("open"), body).status == 200
    assert gate.hits(path) == 0
    assert gate.record(held.id)[b"uses_left"] == b"1"


def test_control_a_route_that_says_nothing_lets_an_unseen_body_through(gate: Gate) -> None:
    path = fresh("hold")
    with envoy_before(gate.backing, gate.environ, gate.servers, undeclared) as silent:
        held = silent.approved(path, method="POST", body=b"")
        assert_not_visible(silent.send(path, held.ticket, method="POST", body=b"abc"))
        assert chunked(silent, path, b"abc", held.ticket).status == 200
    assert [request.body for request in gate.received(path)] == [b"abc"]
