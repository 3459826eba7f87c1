"""A ticket that gets to somebody else, or to another host: what it is worth there, and that it doesn't get there."""

from __future__ import annotations

import json
import shlex
from base64 import urlsafe_b64encode
from secrets import token_bytes

import pytest

from tests.e2e.client_docs.clients import Clients
from tests.e2e.client_docs.page import shown
from tests.e2e.client_docs.test_programs import EACH, Start
from tests.e2e.envoy_config.http1 import recording
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import TICKET, Gate, problem, running_gate
from tests.support.gate_backing import fresh

pytestmark = pytest.mark.timeout(300)  # as the programs' own tests


def test_another_host_of_the_gate_is_another_request(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    elsewhere = gate.send(path, held.ticket, host="other.test")
    assert (elsewhere.status, problem(elsewhere)) == (409, "request-changed")
    assert json.loads(elsewhere.body)["changed"] == ["host"]
    assert gate.hits(path) == 0
    assert gate.send(path, held.ticket).status == 200


def test_another_gate_refuses_it(gate: Gate) -> None:
    """It has other keys, and else shares everything, even Redis."""
    path = fresh("hold")
    held = gate.approved(path)
    keys = f"other:{urlsafe_b64encode(token_bytes(32)).decode()}"
    with running_gate(gate.backing, parts=("check",), ticket_keys=keys) as other:
        answer = other.send(path, held.ticket)
    assert (answer.status, problem(answer)) == (403, "ticket-refused")
    assert gate.hits(path) == 0
    assert gate.send(path, held.ticket).status == 200


@pytest.mark.parametrize("who", ["carol", "dave", None])
def test_nobody_else_can_use_it(who: str | None, gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path)
    stolen = gate.send(path, held.ticket, who=who)
    assert (stolen.status, problem(stolen)) == (403, "ticket-refused")
    assert gate.hits(path) == 0


def test_control_without_the_owner_anybody_can(unguarded: Unguarded) -> None:
    path = fresh("hold")
    held = unguarded.gate.approved(path)
    with unguarded.guards.without("owner"):
        assert unguarded.gate.send(path, held.ticket, who="dave").status == 200


@EACH
def test_no_program_takes_it_along_to_where_a_redirect_leads(start: Start, hurried: Clients) -> None:
    resource = hurried.held()
    with recording() as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/trap".encode()
        hurried.gate.backing.upstream.answer = (
            b"HTTP/1.1 307 -\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n"
        )
        program = start(hurried, resource)
        hurried.gate.vote(hurried.ticket())
        program.ended()
        assert hurried.hits(resource) == 1
        assert not [message for message in elsewhere.received if TICKET in message.names()]


@pytest.mark.curl
def test_control_curl_with_location_does(hurried: Clients) -> None:
    resource = hurried.held()
    hold = json.loads(hurried.shell(shown("sh curl", resource)).ended().output)
    hurried.gate.vote(hold["id"])
    with recording() as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/trap".encode()
        hurried.gate.backing.upstream.answer = (
            b"HTTP/1.1 307 -\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n"
        )
        header = shlex.quote(f"{TICKET}: {hold['token']}")
        following = shown("sh curl", resource).replace("-sS", f"-sS --location -H {header}")
        assert hurried.shell(following).ended().code == 0
        (message,) = elsewhere.received
        assert message.values(TICKET) == [hold["token"].encode()]
