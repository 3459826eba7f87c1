"""The lines for curl in docs/client.md, and what is said there of curl itself."""

from __future__ import annotations

import json

import pytest

from tests.e2e.client_docs.clients import ANSWER, Clients
from tests.e2e.client_docs.page import shown
from tests.support.gate import TICKET, Gate, problem

# The first test starts the gates.
pytestmark = [pytest.mark.curl, pytest.mark.timeout(180)]

WAITED = "preference-applied: wait="


def test_one_line_waits_until_the_vote_and_gets_the_upstreams_answer(clients: Clients) -> None:
    resource = clients.held()
    program = clients.shell(shown("sh curl", resource).replace("-sS", "-sS -i"))
    clients.decide()
    ended = program.ended()
    assert ended.output.startswith("HTTP/1.1 200")
    assert ended.output.endswith(ANSWER)
    assert WAITED in ended.output
    assert clients.hits(resource) == 1


def test_where_the_gate_keeps_nobody_waiting_it_prints_the_same_hold_each_time(hurried: Clients) -> None:
    line = shown("sh curl", hurried.held())
    holds = [json.loads(hurried.shell(line).ended().output) for _ in range(2)]
    assert holds[0]["token"] == holds[1]["token"]
    assert [hold["state"] for hold in holds] == ["pending", "pending"]
    assert WAITED not in hurried.shell(line.replace("-sS", "-sS -i")).ended().output


@pytest.mark.parametrize("waiting", [True, False])
def test_curls_own_retries_wait_for_the_approval_where_a_hold_is_a_503(
    waiting: bool, clients: Clients, hurried: Clients
) -> None:
    """Without a wait the gate has to let the equal request through: curl sends no ticket."""
    used = clients if waiting else hurried
    resource = used.held(503, redeem="header" if waiting else "repeat")
    program = used.shell(shown("sh curl-retry", resource))
    used.gate.vote(used.ticket())
    ended = program.ended()
    assert (ended.code, ended.output[-len(ANSWER) :]) == (0, ANSWER), ended
    assert used.hits(resource) == 1


@pytest.mark.parametrize(("status", "code"), [(202, 0), (403, 22), (428, 22), (503, 22)])
def test_fail_takes_a_202_for_success_and_no_other_hold(status: int, code: int, hurried: Clients) -> None:
    resource = hurried.held(status)
    failing = shown("sh curl", resource).replace("-sS", "-sS --fail")
    assert hurried.shell(failing).ended().code == code
    assert hurried.hits(resource) == 0


def test_a_request_can_be_taken_back(hurried: Clients) -> None:
    resource = hurried.held()
    hold = json.loads(hurried.shell(shown("sh curl", resource)).ended().output)
    (hurried.folder / "ticket").write_text(f"{TICKET}: {hold['token']}\n")
    taken_back = hurried.shell(shown("sh cancel"), ID=hold["id"]).ended()
    assert json.loads(taken_back.output)["state"] == "cancelled"
    again = hurried.gate.send(
        f"/resources/{resource}",
        (TICKET, hold["token"].encode()),
        host=hurried.address.removeprefix("http://"),
    )
    assert (again.status, problem(again)) == (403, "cancelled")


def test_every_answer_with_the_header_is_a_hold_and_no_other_has_it(gate: Gate) -> None:
    """By this header alone do the programs of the page tell a hold from everything else."""
    clients_path = "/hold/by-this-header"
    held = gate.hold(clients_path)
    assert held.response.values(TICKET) == [held.token.encode()]
    others = [
        gate.send("/closed/a"),
        gate.send("/open/a"),
        gate.send("/undefined/a"),
        gate.send(clients_path, who=None),
        gate.send(clients_path, (TICKET, b"nonsense")),
        gate.send(clients_path, held.ticket, body=b"another"),
        gate.send("/hold/%zz"),
    ]
    gate.vote(held.id)
    assert gate.send(clients_path).values(TICKET)
    gate.send(clients_path, held.ticket)
    others.append(gate.send(clients_path, held.ticket))
    assert [answer.status for answer in others] == [403, 200, 503, 503, 403, 409, 400, 403]
    assert not [answer for answer in others if answer.values(TICKET)]
