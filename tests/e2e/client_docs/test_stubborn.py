"""Clients that never learn: one that comes again and again without its ticket, one that changes a byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import TICKET, Gate, problem, running_gate
from tests.support.gate_backing import backing, fresh

pytestmark = pytest.mark.timeout(180)  # the first test starts the gates

TIMES = 40
ROOM = 3
AGES = b"86400"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate of its own that tells approvers, and has room for few tickets of one requester."""
    room = {
        "max_open_tickets_per_requester": str(ROOM),
        "tickets_per_minute_per_requester": "1000",
    }
    with (
        backing(tmp_path_factory.mktemp("narrow")) as around,
        running_gate(around, parts=("all", "check"), **room) as gate,
    ):
        yield gate


def test_one_that_never_sends_the_ticket_has_one_ticket_one_card_and_no_more_of_the_quota(
    narrow: Gate,
) -> None:
    path = fresh("hold")
    holds = [narrow.hold(path) for _ in range(TIMES)]
    (identifier,) = {held.id for held in holds}
    assert len({held.token for held in holds}) == 1
    assert narrow.events(identifier) == ["ticket.created"]

    others = [narrow.hold(fresh("hold")) for _ in range(ROOM - 1)]
    full = narrow.send(fresh("hold"))
    assert (full.status, problem(full), json.loads(full.body)["scope"]) == (
        429,
        "too-many-tickets",
        "requester",
    )
    assert narrow.hold(path).id == identifier
    assert narrow.hold(fresh("hold"), who="carol").id

    for each in [*others, holds[0]]:
        narrow.backing.room.wait_for_card(each.id)
    narrow.await_delivery()
    assert narrow.backing.room.cards(identifier) == 1

    narrow.vote(identifier)
    for _ in range(TIMES):
        told = narrow.hold(path)
        assert (told.id, json.loads(told.response.body)["state"]) == (identifier, "approved")
        assert told.response.values("retry-after") == [b"0"]
    assert narrow.events(identifier) == ["ticket.created", "vote.recorded", "ticket.approved"]
    assert narrow.hits(path) == 0
    assert narrow.send(path, holds[0].ticket).status == 200


def test_control_without_coalescing_each_of_its_requests_is_a_ticket(unguarded: Unguarded) -> None:
    path = fresh("hold")
    with unguarded.guards.without("coalescing"):
        assert len({unguarded.gate.hold(path).id for _ in range(ROOM)}) == ROOM


@pytest.mark.parametrize("redeem", ["repeat", "header"])
def test_where_equal_requests_are_let_through_it_needs_no_ticket(redeem: str, gate: Gate) -> None:
    path = fresh("hold")
    name = path.rpartition("/")[2]
    demand = {"rule": "delete", "approvers": [{"group": "sre"}], "redeem": redeem}
    gate.backing.opa.say(name, {"allowed": False, "approval": demand})
    held = gate.hold(path)
    gate.vote(held.id)
    assert gate.send(path).status == (200 if redeem == "repeat" else 202)
    assert gate.hits(path) == (1 if redeem == "repeat" else 0)


BODY = b'{"replicas": 3}'


def test_one_that_changes_a_byte_is_told_what_differs_and_its_ticket_stays_good(gate: Gate) -> None:
    path = fresh("hold")
    held = gate.approved(path, method="PUT", body=BODY)
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        answer = gate.send(path, held.ticket, method="PUT", body=bytes(changed))
        assert (answer.status, problem(answer)) == (409, "request-changed")
        assert json.loads(answer.body)["changed"] == ["body"]
        assert bytes(changed) not in answer.body
    assert gate.hits(path) == 0
    assert gate.send(path, held.ticket, method="PUT", body=BODY).status == 200


def test_control_without_the_comparison_a_changed_byte_runs(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    held = gate.approved(path, method="PUT", body=BODY)
    with unguarded.guards.without("same-request"):
        assert gate.send(path, held.ticket, method="PUT", body=b"another").status == 200
    assert gate.received(path)[0].body == b"another"


def test_retry_after_is_a_number_of_seconds_whatever_clock_the_client_has(narrow: Gate, gate: Gate) -> None:
    """Neither Date nor Age of a client's changes it, because both sides need no clock for it."""
    path = fresh("hold")
    skewed = [("date", b"Mon, 01 Jan 1990 00:00:00 GMT"), ("age", AGES)]
    pending = gate.send(path, *skewed)
    gate.vote(json.loads(pending.body)["id"])
    answers = [
        pending,
        gate.send(path, *skewed),
        gate.send(fresh("hold"), who=None),
        gate.send("/undefined/a"),
    ]
    while (answer := narrow.send(fresh("hold"))).status == 202:
        answers.append(answer)
    answers.append(answer)
    assert {answer.status for answer in answers} == {202, 429, 503}
    for answer in answers:
        (value,) = answer.values("retry-after")
        assert value.isdigit()
        assert int(value) <= 60
        if TICKET in answer.names():
            document = json.loads(answer.body)
            assert document["retry_after"] == int(value)
            assert urlsplit(document["links"]["status"]).path
