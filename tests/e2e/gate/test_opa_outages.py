"""OPA down, slow or talking rubbish: 503 and no allow, and nothing of what went wrong is told to the client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.e2e.envoy_config.http1 import Message
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import Gate, envoy_before, problem, servers
from tests.support.gate_backing import fresh
from tests.support.gate_opa import DIRECTORY, GateOpa, raw_answer, result
from tests.support.waiting import until

OPA_TIMEOUT = 0.4
CHECK_TIMEOUT = 1.5
OUTAGES: dict[str, Callable[[GateOpa], AbstractContextManager[None]]] = {
    "nobody listens": GateOpa.refusing,
    "takes the question and says nothing": GateOpa.silent,
    "stopped in the middle": GateOpa.frozen,
}
HELD = {"rule": "scripted", "reason": "", "approvers": [{"group": "sre"}]}
NO_DECISION = {
    "no result": raw_answer(b"{}"),
    "a JSON string": raw_answer(b'"true"'),
    "JSON true": raw_answer(b"true"),
    "an array": raw_answer(b"[true]"),
    "nothing": raw_answer(b""),
    "no JSON": raw_answer(b"<html>allowed: true</html>"),
    "half of it": raw_answer(b'{"result": true}', length=100),
    "an error status": raw_answer(b'{"result": true}', status=500),
    "a redirect": raw_answer(b'{"result": true}', status=302),
    "no HTTP": b"+OK allowed\r\n\r\n",
    "ten megabytes": raw_answer(b'{"result": true, "more": "' + b"a" * 10_000_000 + b'"}'),
    "a null result": result(None),
    "a number": result(1),
    "an empty object": result({}),
}
RUBBISH = {
    "a word": result("yes"),
    "true as text": result({"allowed": "true"}),
    "true as a number": result({"allowed": 1}),
    "a demand beside an allow": result({"allowed": True, "approval": HELD}),
    "a header that splits the message": result({"allowed": True, "headers": {"x-a": "1\r\nx-b: 2"}}),
    "a claim of an approval": result({"allowed": True, "headers": {"X-Approval-By": "boss"}}),
}
BAD_DEMANDS = {
    "no object": "sre",
    "nothing": None,
    "an empty object": {},
    "an unknown key": {**HELD, "quorum": 0},
    "a count of 0": {**HELD, "approvers": [{"group": "sre", "count": 0}]},
    "a negative count": {**HELD, "approvers": [{"group": "sre", "count": -1}]},
    "a count that is a fraction": {**HELD, "approvers": [{"group": "sre", "count": 0.5}]},
    "nobody at all": {**HELD, "approvers": []},
    "no uses": {**HELD, "grant": {"uses": 0}},
    "a route to nowhere": {**HELD, "notify": "nowhere"},
}
LEAKS = (b"sock", b"Error", b"httptools", b"Traceback", b"OPA", b"opa", b"scripted", b"allowed")


@pytest.fixture(scope="module")
def hurried(shared_gate: Gate) -> Iterator[Gate]:
    """A gate with tight bounds, before the same OPA."""
    backing = shared_gate.backing
    environ = {
        **backing.environ(),
        "HOLDGATE_OPA_TIMEOUT": f"{OPA_TIMEOUT * 1000:.0f}ms",
        "HOLDGATE_CHECK_TIMEOUT": f"{CHECK_TIMEOUT * 1000:.0f}ms",
    }
    with servers(backing, environ, ("check",)) as running, envoy_before(backing, environ, running) as gate:
        yield gate


def assert_not_decided(response: Message) -> None:
    assert response.status == 503
    assert problem(response) == "unavailable"
    assert response.values("retry-after") == [b"1"]
    assert response.values("cache-control") == [b"no-store"]
    assert json.loads(response.body).keys() == {"type", "title", "status", "detail"}
    assert not [word for word in LEAKS if word in response.body]


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("kind", ["open", "hold"])
def test_without_opa_nothing_passes_and_nobody_waits_for_long(
    outage: str, kind: str, gate: Gate, hurried: Gate
) -> None:
    path = fresh(kind)
    assert hurried.send(fresh("open")).status == 200
    with OUTAGES[outage](gate.backing.opa):
        began = time.monotonic()
        assert_not_decided(hurried.send(path))
        assert time.monotonic() - began < CHECK_TIMEOUT
    assert gate.hits(path) == 0
    assert hurried.send(fresh("open")).status == 200


def test_a_refused_question_is_answered_at_once(gate: Gate, hurried: Gate) -> None:
    with gate.backing.opa.refusing():
        took = []
        for _ in range(5):
            began = time.monotonic()
            assert_not_decided(hurried.send(fresh("open")))
            took.append(time.monotonic() - began)
    assert min(took) < 0.05


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_opa_an_approved_ticket_passes_neither_and_keeps_its_use(
    outage: str, gate: Gate, hurried: Gate
) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    before = gate.record(held.id)
    with OUTAGES[outage](gate.backing.opa):
        assert_not_decided(hurried.send(path, held.ticket))
    assert gate.record(held.id) == before
    assert gate.send(path, held.ticket).status == 200
    assert gate.hits(path) == 1


def test_opa_gets_no_more_time_than_envoy_has_left(gate: Gate) -> None:
    path, backing = fresh("open"), gate.backing
    environ = {**backing.environ(), "HOLDGATE_OPA_TIMEOUT": "30s", "HOLDGATE_CHECK_TIMEOUT": "500ms"}
    with servers(backing, environ, ("check",)) as running, envoy_before(backing, environ, running) as patient:
        with backing.opa.silent():
            began = time.monotonic()
            assert patient.send(path).status == 503
            assert time.monotonic() - began < 2 * CHECK_TIMEOUT
            until("it is given up", lambda: running[0].metric("holdgate_checks_in_flight") == 0)
        assert patient.send(fresh("open")).status == 200
    assert gate.hits(path) == 0


def test_control_a_boundary_that_allows_on_errors_lets_everything_through(unguarded: Unguarded) -> None:
    path = fresh("hold")
    with unguarded.gate.backing.opa.refusing(), unguarded.guards.without("boundary"):
        assert unguarded.gate.send(path).status == 200
    assert unguarded.gate.hits(path) == 1


@pytest.mark.parametrize("rubbish", [*NO_DECISION, *RUBBISH])
def test_rubbish_is_no_decision(rubbish: str, gate: Gate, hurried: Gate) -> None:
    path = fresh("open")
    with gate.backing.opa.answering({**NO_DECISION, **RUBBISH}[rubbish]):
        assert_not_decided(hurried.send(path))
    assert gate.hits(path) == 0


@pytest.mark.parametrize(
    "rubbish", ["a word", "true as text", "true as a number", "a demand beside an allow"]
)
def test_control_a_lenient_reader_takes_rubbish_for_an_allow(rubbish: str, unguarded: Unguarded) -> None:
    path = fresh("open")
    with (
        unguarded.gate.backing.opa.answering(RUBBISH[rubbish]),
        unguarded.guards.without("strict-decision"),
    ):
        assert unguarded.gate.send(path).status == 200
    assert unguarded.gate.hits(path) == 1


@pytest.mark.parametrize("demand", BAD_DEMANDS)
def test_a_malformed_demand_is_never_a_weaker_hold(demand: str, gate: Gate) -> None:
    path = fresh("hold")
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": False, "approval": BAD_DEMANDS[demand]})
    before = alerts(gate)
    assert_not_decided(gate.send(path))
    assert gate.hits(path) == 0
    assert alerts(gate) == before + 1


def test_control_a_lenient_parser_holds_for_anybody(unguarded: Unguarded) -> None:
    path = fresh("hold")
    gate = unguarded.gate
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": False, "approval": BAD_DEMANDS["a count of 0"]})
    with unguarded.guards.without("strict-requirement"):
        held = gate.hold(path)
    assert json.loads(held.response.body)["progress"]["awaiting"] != ["sre"]
    gate.vote(held.id, "dave")
    assert gate.record(held.id)[b"state"] == b"approved"


@pytest.mark.parametrize("status", [200, 204, 299, 301, 500, 99, 600, "202", 202.5, True])
def test_a_held_status_that_would_mislead_a_client_is_refused(status: object, gate: Gate) -> None:
    path = fresh("hold")
    document = {"allowed": False, "approval": HELD, "http_status": status}
    gate.backing.opa.say(path.rpartition("/")[2], document)
    assert_not_decided(gate.send(path))


@pytest.mark.parametrize("status", [100, 101, 199, 600, 0, -1, "403", 403.5, None])
def test_a_denial_with_a_status_that_is_none_is_refused(status: object, gate: Gate) -> None:
    path = fresh("closed")
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": False, "http_status": status})
    assert_not_decided(gate.send(path))
    assert gate.hits(path) == 0


def test_control_an_unchecked_status_makes_a_hold_look_like_a_success(unguarded: Unguarded) -> None:
    path = fresh("hold")
    gate = unguarded.gate
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": False, "approval": HELD, "http_status": 200})
    with unguarded.guards.without("held-status"):
        assert gate.send(path).status == 200
    assert gate.hits(path) == 0


@pytest.mark.parametrize("answer", [raw_answer(b"{}", status=500), raw_answer(b"no"), result({"id": 1})])
def test_a_directory_that_talks_rubbish_holds_nothing(answer: bytes, gate: Gate) -> None:
    path = fresh("hold")
    with gate.backing.opa.answering(answer, DIRECTORY):
        assert_not_decided(gate.send(path))
    assert gate.hits(path) == 0


def test_an_undefined_decision_is_no_denial_but_an_outage(gate: Gate) -> None:
    path = fresh("unheard-of")
    assert_not_decided(gate.send(path))


def alerts(gate: Gate) -> float:
    """Sum the servers' counts of policy errors: what an operator is alerted by."""
    return sum(server.metric("holdgate_policy_errors_total") for server in gate.servers)
