"""What approvers are told, by a notifier that runs beside the check servers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.gate import KEYS, Gate, running_gate
from tests.support.gate_backing import backing, fresh

AT_ONCE = 200


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate of its own, whose first server is notifier and console, too."""
    with (
        backing(tmp_path_factory.mktemp("cards")) as around,
        running_gate(around, parts=("all", "check"), delivery_lease="10s") as gate,
    ):
        yield gate


def test_equal_holds_at_the_same_moment_are_one_card(telling: Gate) -> None:
    path = fresh("hold")
    answers = telling.burst([telling.request(path)] * AT_ONCE)
    (ticket,) = {json.loads(answer.body)["id"] for answer in answers}
    telling.backing.room.wait_for_card(ticket)
    other = telling.hold(fresh("hold"))
    telling.backing.room.wait_for_card(other.id)
    telling.await_delivery()
    assert telling.backing.room.cards(ticket) == 1


def test_a_card_names_what_waits_and_grants_nothing(telling: Gate) -> None:
    path = fresh("hold")
    held = telling.hold(path)
    telling.backing.room.wait_for_card(held.id)
    said = telling.backing.room.text(held.id)
    assert path in said
    assert held.token not in said
    assert "Bearer" not in said


def test_what_was_held_while_the_notifier_was_gone_is_told_when_it_is_back(telling: Gate) -> None:
    first, second = telling.servers
    first.kill()
    telling.await_servers(1)
    held = telling.hold(fresh("hold"))
    assert second.alive
    assert telling.backing.room.cards(held.id) == 0
    with telling.backing.database() as database:
        assert database.xlen(KEYS.outbox) > 0
    first.start()
    first.await_ready()
    telling.backing.room.wait_for_card(held.id)
    telling.await_delivery()
    assert telling.backing.room.cards(held.id) == 1


def test_a_notifier_that_is_killed_before_it_acknowledges_loses_nothing(telling: Gate) -> None:
    """The card goes out once more, and a second card makes no second approval.

    That the order matters is shown in tests/integration/delivery/test_killed_notifier.py.
    """
    first, _ = telling.servers
    telling.await_delivery()
    telling.backing.room.leave_next_unanswered()
    path = fresh("hold")
    held = telling.hold(path)
    telling.backing.room.wait_for_card(held.id)
    first.kill()
    telling.await_servers(1)
    with telling.backing.database() as database:
        assert database.xlen(KEYS.outbox) == 1
    first.start()
    first.await_ready()
    telling.await_delivery()
    assert telling.backing.room.cards(held.id) == 2
    telling.vote(held.id)
    telling.await_delivery()
    assert telling.send(path, held.ticket).status == 200
    assert telling.send(path, held.ticket).status == 403
    assert telling.hits(path) == 1
