"""Once is once: over two server processes, at the same moment, and when Envoy asks again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.e2e.envoy_config.http1 import Message
from tests.e2e.envoy_config.stack import ext_authz
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import KEYS, Document, Gate, envoy_before, problem
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_lossy import LossyMessenger, lossy_messenger
from tests.support.gate_server import GateServer

AT_ONCE = 200
FEW = 12


def asked(gate: Gate) -> list[float]:
    """Say how many checks each server has answered."""
    return [server.metric("holdgate_checks_total") for server in gate.servers]


def test_equal_holds_at_the_same_moment_are_one_ticket_and_one_notice(gate: Gate) -> None:
    path, checks = fresh("hold"), asked(gate)
    with gate.backing.database() as database:
        before = database.xlen(KEYS.outbox)
        answers = gate.burst([gate.request(path)] * AT_ONCE)
        assert database.xlen(KEYS.outbox) == before + 1
    assert {answer.status for answer in answers} == {202}
    (ticket,) = {(json.loads(answer.body)["id"], json.loads(answer.body)["token"]) for answer in answers}
    assert gate.events(ticket[0]) == ["ticket.created"]
    assert all(after > then for then, after in zip(checks, asked(gate), strict=True)), "one server did it all"
    assert gate.hits(path) == 0


def test_control_without_coalescing_equal_holds_are_many_tickets(unguarded: Unguarded) -> None:
    gate = unguarded.gate
    with unguarded.guards.without("coalescing"):
        answers = gate.burst([gate.request(fresh("hold"))] * FEW)
    assert len({json.loads(answer.body)["id"] for answer in answers}) == FEW


def assert_one_passed(answers: Sequence[Message]) -> None:
    assert Counter(answer.status for answer in answers) == {200: 1, 403: len(answers) - 1}
    assert {problem(answer) for answer in answers if answer.status == 403} == {"used-up"}


@pytest.mark.parametrize("round_", range(3))
def test_redemptions_at_the_same_moment_are_one_hit(round_: int, gate: Gate) -> None:
    path = f"{fresh('hold')}-{round_}"
    held = gate.approved(path)
    checks = asked(gate)
    assert_one_passed(gate.burst([gate.request(path, held.ticket)] * AT_ONCE))
    assert gate.hits(path) == 1
    assert gate.events(held.id).count("grant.redeemed") == 1
    assert all(after > then for then, after in zip(checks, asked(gate), strict=True)), "one server did it all"


def test_of_two_uses_two_are_taken(gate: Gate) -> None:
    path = fresh("twice")
    held = gate.approved(path)
    answers = gate.burst([gate.request(path, held.ticket)] * (AT_ONCE // 4))
    assert Counter(answer.status for answer in answers)[200] == 2
    assert gate.hits(path) == 2
    assert gate.events(held.id).count("grant.redeemed") == 2


def test_control_looking_first_and_taking_then_lets_several_through(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    held = gate.approved(path)
    with unguarded.guards.without("atomic-redeem"):
        gate.burst([gate.request(path, held.ticket)] * FEW)
    assert gate.hits(path) > 1


def asks_again(document: Document) -> None:
    """Widen the shipped retry policy to replies that got lost, as an operator may."""
    ext_authz(document)["grpc_service"]["retry_policy"] = {"retry_on": "unavailable", "num_retries": 2}


def lose_replies(
    backing: Backing, servers: Sequence[GateServer], environ: dict[str, str], path: str, losing: int
) -> tuple[Message, LossyMessenger, Gate, str]:
    """Redeem a fresh grant of two uses while so many replies get lost on the way to Envoy."""
    address = f"unix:{backing.sockets}/{path.rpartition('/')[2]}"
    running = tuple(servers)
    with (
        lossy_messenger(address, [server.address for server in servers]) as messenger,
        envoy_before(backing, environ, running, asks_again, endpoints=[address]) as gate,
    ):
        held = gate.approved(path)
        messenger.checks.clear()
        messenger.losing = losing
        return gate.send(path, held.ticket), messenger, gate, held.id


@pytest.mark.parametrize("losing", [1, 2])
def test_when_a_reply_gets_lost_envoys_second_question_takes_no_second_use(losing: int, gate: Gate) -> None:
    path = fresh("twice")
    response, messenger, before, identifier = lose_replies(
        gate.backing, gate.servers, dict(gate.environ), path, losing
    )
    assert response.status == 200
    assert len(messenger.checks) == losing + 1
    assert len(set(messenger.checks)) == 1, "a repeated Check is the same, byte for byte"
    assert before.hits(path) == 1
    assert before.record(identifier)[b"uses_left"] == b"1"
    assert before.events(identifier).count("grant.redeemed") == 1


def test_control_without_knowing_the_check_again_a_lost_reply_takes_both_uses(unguarded: Unguarded) -> None:
    path, gate = fresh("twice"), unguarded.gate
    with unguarded.guards.without("replay"):
        _, messenger, before, identifier = lose_replies(
            gate.backing, unguarded.servers, dict(gate.environ), path, 1
        )
    assert len(messenger.checks) == 2
    assert before.record(identifier)[b"uses_left"] == b"0"


def test_a_client_that_sends_the_same_request_id_again_takes_another_use(gate: Gate) -> None:
    path, same = fresh("hold"), ("x-request-id", b"11111111-1111-4111-8111-111111111111")
    held = gate.approved(path)
    assert gate.send(path, held.ticket, same).status == 200
    assert problem(gate.send(path, held.ticket, same)) == "used-up"
    assert gate.hits(path) == 1
