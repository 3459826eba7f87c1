"""No answer from the check server is no permission, and says so."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint, UnixEndpoint
from authz.adapters.envoy_config.limits import DRAIN_SECONDS
from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import CheckServer, allow, checking
from tests.e2e.envoy_config.stack import Document, Gate, Stack, cluster, ext_authz
from tests.support.ports import free_port

DEADLINE = 15.0
HEALTHY = "cluster.holdgate_check.membership_healthy"


def nobody() -> tuple[TcpEndpoint, ...]:
    return (TcpEndpoint("127.0.0.1", free_port()),)


def local(*workers: CheckServer) -> tuple[TcpEndpoint, ...]:
    return tuple(TcpEndpoint("127.0.0.1", worker.port) for worker in workers)


def fails(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
    context.abort(grpc.StatusCode.UNAVAILABLE, "secret detail")
    raise AssertionError("abort raises")


def panic_as_by_default(document: Document) -> None:
    del cluster(document, "holdgate_check")["common_lb_config"]["healthy_panic_threshold"]


def health_asked_often(document: Document) -> None:
    cluster(document, "holdgate_check")["health_checks"][0].update(
        interval="0.1s", no_traffic_interval="0.1s", no_traffic_healthy_interval="0.1s"
    )


def merge_window(document: Document) -> None:
    del cluster(document, "holdgate_check")["common_lb_config"]["update_merge_window"]


def no_rpc_retry(document: Document) -> None:
    del ext_authz(document)["grpc_service"]["retry_policy"]


def test_an_unreachable_check_server_is_an_empty_503(stack: Stack) -> None:
    with stack.gate(reachable=False, check=nobody()) as gate:
        response = http1.send(gate.port, method="DELETE")
    assert (response.status, response.body) == (503, b"")
    assert not stack.upstream.received


def test_control_failure_mode_allow_lets_everything_through(stack: Stack) -> None:
    with stack.gate(
        lambda document: ext_authz(document).update(failure_mode_allow=True), reachable=False, check=nobody()
    ) as gate:
        assert http1.send(gate.port, method="DELETE").status == 200
    assert len(stack.upstream.received) == 1


def test_control_without_status_on_error_an_outage_looks_like_a_refusal(stack: Stack) -> None:
    with stack.gate(
        lambda document: ext_authz(document).pop("status_on_error"), reachable=False, check=nobody()
    ) as gate:
        assert http1.send(gate.port).status == 403


def test_a_check_server_that_fails_is_an_empty_503_and_is_asked_once(stack: Stack, gate: Gate) -> None:
    stack.check.answer = fails
    response = http1.send(gate.port)
    assert (response.status, response.body) == (503, b"")
    assert b"secret" not in b"".join(value for _, value in response.headers)
    assert len(stack.check.checks) == 1
    assert not stack.upstream.received


def test_control_a_retry_on_unavailable_would_ask_again(stack: Stack) -> None:
    stack.check.answer = fails

    def on_unavailable(document: Document) -> None:
        ext_authz(document)["grpc_service"]["retry_policy"] = {"retry_on": "unavailable", "num_retries": 1}

    with stack.gate(on_unavailable) as gate:
        http1.send(gate.port)
    assert len(stack.check.checks) == 2


def test_a_late_check_server_is_a_503_after_the_check_timeout(stack: Stack) -> None:
    released = threading.Event()

    def waits(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        remaining.append(context.time_remaining())
        released.wait(DEADLINE)
        return allow()

    remaining: list[float] = []
    stack.check.answer = waits
    with stack.gate(check_timeout=0.3) as gate:
        started = time.monotonic()
        response = http1.send(gate.port)
        took = time.monotonic() - started
        released.set()
    assert (response.status, response.body) == (503, b"")
    assert 0.2 <= took < 1.5
    assert 0 < remaining[0] <= 0.3
    assert not stack.upstream.received


@pytest.mark.parametrize("retried", [True, False], ids=["as shipped", "control: no RPC retry"])
def test_a_worker_that_has_just_died_costs_no_request(retried: bool, stack: Stack) -> None:
    unretried = [] if retried else [no_rpc_retry]
    with (
        checking() as survivor,
        checking() as victim,
        stack.gate(*unretried, check=local(survivor, victim)) as gate,
    ):
        # Envoy has only looked at its health so far: what follows are connections refused, nothing half sent.
        victim.stop()
        statuses = {http1.send(gate.port).status for _ in range(40)}
    assert statuses == ({200} if retried else {200, 503})


def test_a_draining_worker_gets_no_checks_within_the_drain_time(stack: Stack) -> None:
    with checking() as worker, stack.gate(check=local(worker)) as gate:
        assert http1.send(gate.port).status == 200
        worker.serving(yes=False)
        began = time.monotonic()
        await_status(gate.port, 503)
        assert time.monotonic() - began < DRAIN_SECONDS + 1.0
        asked = len(worker.checks)
        assert http1.send(gate.port).status == 503
        assert len(worker.checks) == asked
        worker.serving(yes=True)
        await_status(gate.port, 200)


def test_control_with_envoys_panic_threshold_a_draining_worker_is_asked_all_the_same(stack: Stack) -> None:
    with checking() as worker, stack.gate(panic_as_by_default, check=local(worker)) as gate:
        assert http1.send(gate.port).status == 200
        worker.serving(yes=False)
        await_gauge(gate, HEALTHY, 0)
        assert http1.send(gate.port).status == 200


@pytest.mark.parametrize("merged", [False, True], ids=["as shipped", "control: Envoy's default window"])
def test_each_change_of_health_reaches_envoys_threads_at_once(merged: bool, stack: Stack) -> None:
    changes = [health_asked_often, *[merge_window] * merged]
    with checking() as worker, stack.gate(*changes, check=local(worker)) as gate:
        for serving in (False, True, False, True):
            worker.serving(yes=serving)
            await_gauge(gate, HEALTHY, int(serving))
        await_status(gate.port, 200)
        assert (gate.envoy.counter("cluster_manager.cluster_updated_via_merge") > 0) is merged


@pytest.mark.parametrize("bounded", [True, False], ids=["as planned", "control: Envoy's default"])
def test_checks_in_flight_are_bounded(bounded: bool, stack: Stack) -> None:
    released = threading.Event()

    def waits(_check: wire.CheckRequest, _context: grpc.ServicerContext) -> wire.CheckResponse:
        released.wait(DEADLINE)
        return allow()

    stack.check.answer = waits
    unbound = (
        [] if bounded else [lambda document: cluster(document, "holdgate_check").pop("circuit_breakers")]
    )
    with stack.gate(*unbound, max_checks=1) as gate, ThreadPoolExecutor(1) as pool:
        first = pool.submit(http1.send, gate.port)
        assert stack.check.arrived.wait(DEADLINE)
        second = pool_status(gate, released, bounded=bounded)
        assert first.result(DEADLINE).status == 200
    assert second == (503 if bounded else 200)


def test_a_check_server_on_a_unix_socket_is_reached(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("s") / "c.sock"
    with checking(address=f"unix:{path}") as server, stack.gate(check=(UnixEndpoint(str(path)),)) as gate:
        assert http1.send(gate.port).status == 200
        assert len(server.checks) == 1


def pool_status(gate: Gate, released: threading.Event, *, bounded: bool) -> int:
    """Send a request while another one is being checked, which ends only once this one was refused or asked about."""
    if bounded:
        status = http1.send(gate.port).status
        released.set()
        return status
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(http1.send, gate.port)
        await_gauge(gate, "cluster.holdgate_check.upstream_rq_active", 2)
        released.set()
        return second.result(DEADLINE).status


def await_status(port: int, status: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while http1.send(port).status != status:
        assert time.monotonic() < deadline, f"no {status} within {DEADLINE} s"
        time.sleep(0.05)


def await_gauge(gate: Gate, name: str, value: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while gate.envoy.counter(name) != value:
        assert time.monotonic() < deadline, f"{name} isn't {value} within {DEADLINE} s"
        time.sleep(0.05)
