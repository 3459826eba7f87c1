"""The answer of the approved request is lost on its way to the client: what it meets when it asks again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.client_docs.proxy import Proxy, proxy_before
from tests.e2e.envoy_config import http1
from tests.support.gate import Gate, Held, problem
from tests.support.gate_backing import fresh

pytestmark = pytest.mark.timeout(180)  # the first test starts the gates

WAIT = ("prefer", b"wait=5")


@pytest.fixture
def proxy(gate: Gate) -> Iterator[Proxy]:
    with proxy_before(gate.port) as made:
        yield made


def lost(gate: Gate, proxy: Proxy, path: str) -> Held:
    """Let an approved request through whose answer gets lost."""
    held = gate.approved(path)
    proxy.losing = 1
    with http1.connected(proxy.port) as connection:
        connection.send(gate.request(path, held.ticket))
        with pytest.raises(ConnectionError):
            connection.response()
    assert gate.hits(path) == 1
    return held


def test_of_one_use_nothing_is_left_and_the_answer_says_when_it_was_taken(gate: Gate, proxy: Proxy) -> None:
    path = fresh("hold")
    held = lost(gate, proxy, path)
    again = gate.send(path, held.ticket)
    assert (again.status, problem(again)) == (403, "used-up")
    (use,) = json.loads(again.body)["used_by"]
    assert use.keys() == {"request_id", "at"}
    assert gate.hits(path) == 1


@pytest.mark.parametrize("wish", [(), (("prefer", b"wait=1"),)], ids=["plain", "waiting"])
def test_without_the_ticket_people_are_asked_again(
    wish: tuple[tuple[str, bytes], ...], gate: Gate, proxy: Proxy
) -> None:
    path = fresh("hold")
    held = lost(gate, proxy, path)
    anew = gate.hold(path, *wish)
    assert anew.id != held.id
    assert json.loads(anew.response.body)["state"] == "pending"
    assert gate.hits(path) == 1


@pytest.mark.parametrize("how", ["ticket", "waiting"])
def test_of_two_uses_one_is_left_and_the_upstream_can_tell_that_it_is_the_same_approval(
    how: str, gate: Gate, proxy: Proxy
) -> None:
    path = fresh("twice")
    held = lost(gate, proxy, path)
    again = gate.send(path, held.ticket if how == "ticket" else WAIT)
    assert again.status == 200
    first, second = gate.received(path)
    assert first.values("x-approval-id") == second.values("x-approval-id") == [held.id.encode()]
    assert problem(gate.send(path, held.ticket)) == "used-up"


def test_control_the_approval_that_was_asked_for_anew_has_another_id(gate: Gate, proxy: Proxy) -> None:
    path = fresh("hold")
    lost(gate, proxy, path)
    assert gate.send(path, gate.approved(path).ticket).status == 200
    first, second = gate.received(path)
    assert first.values("x-approval-id") != second.values("x-approval-id")


def test_a_clients_own_approval_id_never_reaches_the_upstream(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    gate.send(path, held.ticket, ("x-approval-id", b"0-mine"))
    assert gate.received(path)[0].values("x-approval-id") == [held.id.encode()]


def test_a_request_that_was_lost_before_the_gate_took_no_use(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    whole = gate.request(path, held.ticket)
    with http1.connected(gate.port) as connection:
        connection.send(whole[: len(whole) // 2])
    assert gate.record(held.id)[b"uses_left"] == b"1"
    assert gate.send(path, held.ticket).status == 200
    assert gate.hits(path) == 1
