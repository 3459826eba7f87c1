"""A proxy that takes the ticket's header off: nothing is lost, and there are ways through all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.client_docs.clients import Clients
from tests.e2e.client_docs.page import shown
from tests.e2e.client_docs.proxy import Proxy, proxy_before
from tests.e2e.client_docs.test_programs import Start, go, java, node, script
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.http1 import Message
from tests.support.gate import TICKET, Gate
from tests.support.gate_backing import fresh
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)  # as the programs' own tests

SECONDS = 4
HASTY: dict[Start, tuple[str, str]] = {
    script: ("approved 1800", f"approved {SECONDS}"),
    node: ("seconds = 1800", f"seconds = {SECONDS}"),
    go: ("30*time.Minute", f"{SECONDS}*time.Second"),
    java: ("Duration.ofMinutes(30)", f"Duration.ofSeconds({SECONDS})"),
}


@pytest.fixture
def stripping(gate: Gate) -> Iterator[Proxy]:
    with proxy_before(gate.port) as made:
        made.strips.add(TICKET)
        yield made


def send(proxy: Proxy, request: bytes) -> Message:
    with http1.connected(proxy.port) as connection:
        connection.send(request)
        return connection.response()


def test_the_approved_request_is_told_so_with_the_same_ticket_and_nothing_is_lost(
    gate: Gate, stripping: Proxy
) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    for _ in range(5):
        answer = send(stripping, gate.request(path, held.ticket))
        document = json.loads(answer.body)
        assert (answer.status, document["id"], document["state"]) == (202, held.id, "approved")
        assert document["token"] == held.token
        assert answer.values("retry-after") == [b"0"]
    assert gate.hits(path) == 0
    assert gate.events(held.id) == ["ticket.created", "vote.recorded", "ticket.approved"]
    stripping.strips.clear()
    assert send(stripping, gate.request(path, held.ticket)).status == 200


def test_the_wish_to_wait_brings_it_through(gate: Gate, stripping: Proxy) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    assert send(stripping, gate.request(path, held.ticket, ("prefer", b"wait=5"))).status == 200
    assert gate.hits(path) == 1


def test_a_rule_that_lets_equal_requests_through_does_so_too(gate: Gate, stripping: Proxy) -> None:
    path = fresh("hold")
    demand = {"rule": "delete", "approvers": [{"group": "sre"}], "redeem": "repeat"}
    gate.backing.opa.say(path.rpartition("/")[2], {"allowed": False, "approval": demand})
    held = gate.approved(path)
    assert send(stripping, gate.request(path, held.ticket)).status == 200
    assert gate.hits(path) == 1


def test_on_the_way_back_the_token_is_in_the_body_as_well(gate: Gate) -> None:
    with proxy_before(gate.port) as proxy:
        proxy.hides.add(TICKET)
        answer = send(proxy, gate.request(fresh("hold")))
    assert not answer.values(TICKET)
    assert json.loads(answer.body)["token"].startswith("hg1.")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(script, marks=pytest.mark.curl),
        pytest.param(node, marks=pytest.mark.node),
        pytest.param(go, marks=pytest.mark.go),
        pytest.param(java, marks=pytest.mark.java),
    ],
)
def test_a_program_whose_ticket_never_arrives_comes_again_once_a_second_at_most_and_gives_up(
    start: Start, hurried: Clients
) -> None:
    """An approved hold says `retry-after: 0`, and this one stays approved."""
    resource = hurried.held()
    with proxy_before(hurried.gate.port) as proxy:
        proxy.strips.add(TICKET)
        hurried.address = f"http://127.0.0.1:{proxy.port}"
        hurried.shell(shown("sh curl", resource)).ended()
        hurried.gate.vote(hurried.ticket())
        proxy.requests.clear()
        hurried.edits.update([HASTY[start]])
        ended = start(hurried, resource).ended()
        assert ended.code != 0
        assert "still held" in ended.errors or "not carried out yet" in ended.errors
        assert 2 <= len(proxy.requests) <= SECONDS + 1
    assert hurried.hits(resource) == 0


@pytest.mark.node
def test_control_without_the_least_pause_it_comes_again_at_once(hurried: Clients) -> None:
    resource = hurried.held()
    with proxy_before(hurried.gate.port) as proxy:
        proxy.strips.add(TICKET)
        hurried.address = f"http://127.0.0.1:{proxy.port}"
        hurried.shell(shown("sh curl", resource)).ended()
        hurried.gate.vote(hurried.ticket())
        proxy.requests.clear()
        hurried.edits = {"seconds = 1800": f"seconds = {SECONDS}", "Math.max(1, hold.retry_after)": "0"}
        program = node(hurried, resource)
        until("it comes again and again", lambda: len(proxy.requests) > 2 * (SECONDS + 1))
        program.stop()
