"""More checks than the bound: the rest is refused at once, and what is refused isn't allowed."""

from __future__ import annotations

import threading
from collections import Counter

from tests.support.gate import Gate, running_gate
from tests.support.gate_backing import Backing, fresh
from tests.support.waiting import until

BOUND = 4
AT_ONCE = 20


def shed(gate: Gate) -> Counter[int]:
    """Ask for more than the bound while OPA is silent; return what came back before it spoke."""
    path, statuses = fresh("open"), Counter[int]()
    opa = gate.backing.opa

    def client() -> None:
        statuses[gate.send(path).status] += 1

    clients = [threading.Thread(target=client) for _ in range(AT_ONCE)]
    with opa.silent():
        for each in clients:
            each.start()
        until("the rest is refused", lambda: statuses.total() + len(opa.inputs) == AT_ONCE, 5)
        early = Counter(statuses)
    for each in clients:
        each.join()
    assert gate.hits(path) == statuses[200]
    return early


def test_envoy_and_server_refuse_what_is_beyond_the_bound(around: Backing) -> None:
    with running_gate(around, parts=("check",), max_concurrent_checks=str(BOUND)) as gate:
        early = shed(gate)
        assert early.keys() == {503}
        assert early[503] >= AT_ONCE - BOUND
        assert gate.send(fresh("open")).status == 200


def test_control_with_a_higher_bound_all_of_them_are_judged(around: Backing) -> None:
    with running_gate(around, parts=("check",)) as gate:
        assert shed(gate) == {}
