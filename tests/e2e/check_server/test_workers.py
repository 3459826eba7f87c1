"""Several worker processes behind a real Envoy: replaced, killed, orphaned, and each on an endpoint of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.gate import Gate, envoy_before, servers
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_load import CLIENTS, Load, load
from tests.support.gate_server import GateServer
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # several servers and Envoys, one after the other

BUSY = 150


def events(server: GateServer, name: str) -> list[dict[str, object]]:
    """Return the lines of a server's log, and of its workers', with this event."""
    found = []
    for line in server.log.read_text(errors="replace").splitlines():
        with suppress(json.JSONDecodeError):
            record = json.loads(line)
            if record.get("event") == name:
                found.append(record)
    return found


def children(server: GateServer) -> list[int]:
    """Return the pids of the workers that were started, the latest of each."""
    started = {record["worker"]: record["child"] for record in events(server, "worker.started")}
    return [int(str(started[number])) for number in sorted(started, key=str)]


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@contextmanager
def two_workers(around: Backing, part: str = "check", drain_delay: str = "3s") -> Iterator[Gate]:
    environ = {**around.environ(), "HOLDGATE_WORKERS": "2", "HOLDGATE_DRAIN_DELAY": drain_delay}
    with servers(around, environ, (part,)) as running:
        address = running[0].address
        with envoy_before(around, environ, running, endpoints=(address, f"{address}.1")) as gate:
            yield gate


def goes_on(running: Load) -> None:
    goal = running.answered + BUSY
    until(f"{BUSY} more answers", lambda: running.answered >= goal or bool(running.broken), 30)


def failed(running: Load) -> int:
    return running.of("open", 503) + running.of("hold", 503)


def test_a_rolling_restart_under_load_fails_no_request(around: Backing) -> None:
    with two_workers(around) as gate, load(gate) as running:
        server = gate.servers[0]
        before = children(server)
        goes_on(running)
        os.kill(server.pid, signal.SIGHUP)
        until("both were replaced", lambda: bool(events(server, "rolling.done")), 45)
        goes_on(running)
        assert set(before).isdisjoint(children(server))
        assert events(server, "worker.died") == []
    assert running.broken == []
    assert running.kinds() == {("open", 200), ("hold", 202)}


def test_control_workers_that_go_all_at_once_fail_requests(around: Backing) -> None:
    with two_workers(around) as gate, load(gate) as running:
        goes_on(running)
        for pid in children(gate.servers[0]):
            os.kill(pid, signal.SIGKILL)
        until("the load notices", lambda: failed(running) > 0)


def test_a_killed_worker_costs_no_more_than_it_had_in_hand_and_comes_back(around: Backing) -> None:
    with two_workers(around) as gate, load(gate) as running:
        server = gate.servers[0]
        goes_on(running)
        victim = children(server)[1]
        os.kill(victim, signal.SIGKILL)
        until("another one was started", lambda: children(server)[1] != victim, 15)
        gate.await_servers(2)
        lost = failed(running)
        goes_on(running)
    assert running.broken == []
    assert lost <= CLIENTS, "each client has one request under way"
    assert failed(running) == lost
    assert running.kinds() <= {("open", 200), ("hold", 202), ("open", 503), ("hold", 503)}
    assert [record["code"] for record in events(server, "worker.died")] == [-9]


def test_told_to_stop_all_workers_drain_and_the_end_is_clean(around: Backing) -> None:
    with two_workers(around, drain_delay="0s") as gate:
        server = gate.servers[0]
        pids = children(server)
        server.ask_to_stop()
        assert server.exit_code(20) == 0
        assert all(gone(pid) for pid in pids)
        assert sorted(str(record["worker"]) for record in events(server, "stopping")) == ["0", "1"]


@pytest.mark.parametrize("part", ["check", "all"])
def test_workers_do_not_outlive_a_starter_that_was_killed(part: str, around: Backing) -> None:
    with two_workers(around, part, drain_delay="0s") as gate:
        server = gate.servers[0]
        pids = children(server)
        assert gate.send(fresh("open")).status == 200
        parts = sorted(str(record["parts"]) for record in events(server, "serving"))
        assert parts == (
            ["['check', 'console', 'notifier']", "['check']"] if part == "all" else ["['check']", "['check']"]
        )
        server.kill()
        until("no worker is left", lambda: all(gone(pid) for pid in pids))


def test_a_second_installation_on_the_same_addresses_does_not_start_and_takes_nothing_away(
    around: Backing,
) -> None:
    with two_workers(around, drain_delay="0s") as gate:
        first = gate.servers[0]
        second = GateServer(
            "second",
            {
                **around.environ(),
                "HOLDGATE_WORKERS": "2",
                "HOLDGATE_GRPC_LISTEN": first.address,
            },
            around.sockets,
            around.folder,
            part="check",
            module="authz.entrypoints.cli.main",
        )
        try:
            assert second.exit_code(30) == 2
        finally:
            second.stop()
        assert "HOLDGATE_GRPC_LISTEN" in second.log.read_text()
        assert {gate.send(fresh("open")).status for _ in range(10)} == {200}
        assert gate.healthy_servers == 2
