"""Checks that stay open for a vote: who gets the time for it, and that nobody else pays for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from authz.adapters.envoy_config.clusters import WAIT_CLUSTER
from authz.adapters.envoy_config.endpoint import TcpEndpoint
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import allow, checking, deny, raw_headers
from tests.e2e.envoy_config.held_checks import WAIT, holding
from tests.e2e.envoy_config.stack import Document, Gate, Stack, ext_authz, manager, route
from tests.support.waiting import until

WISH = ("prefer", b"wait=30")
HEALTHY = f"cluster.{WAIT_CLUSTER}.membership_healthy"


def waiting_service(document: Document) -> Document:
    """Return the gRPC service of the route for clients that wait."""
    config = route(document, "gated_waiting")["typed_per_filter_config"]["envoy.filters.http.ext_authz"]
    found: Document = config["check_settings"]["grpc_service"]
    return found


def one_cluster_for_all(document: Document) -> None:
    waiting_service(document)["envoy_grpc"]["cluster_name"] = "holdgate_check"


def deadlines(stack: Stack) -> list[float]:
    """Let every check pass, and return how many seconds Envoy gives each."""
    given: list[float] = []

    def answer(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        given.append(context.time_remaining())
        return allow()

    stack.check.answer = answer
    return given


def for_a_wait(given: float) -> bool:
    """Whether a check got the longest wait and the check timeout of `Stack.plan`, not the check timeout alone."""
    assert 0 < given <= 62, given
    assert given <= 2 or given > 50, given
    return given > 50


@pytest.mark.parametrize(
    "wishes",
    [
        [b"wait=10"],
        [b"WAIT=10"],
        [b"respond-async, wait=10"],
        [b"respond-async,Wait = 10; a=b"],
        [b'wait="10"'],
        [b"wait"],
        [b"return=minimal", b"wait=10"],
    ],
)
def test_a_client_that_asks_to_wait_gets_the_time_for_it(
    wishes: list[bytes], stack: Stack, gate: Gate
) -> None:
    given = deadlines(stack)
    assert http1.send(gate.port, "/", *(("prefer", wish) for wish in wishes)).status == 200
    assert [for_a_wait(each) for each in given] == [True]
    assert stack.upstream.received[0].target == "/"


@pytest.mark.parametrize("other", [b"respond-async", b"return=minimal", b"await=10", b"waiting=1", b""])
def test_everybody_else_gets_a_quick_answer(other: bytes, stack: Stack, gate: Gate) -> None:
    given = deadlines(stack)
    http1.send(gate.port, "/", ("prefer", other))
    http1.send(gate.port, "/?prefer=wait", ("x-prefer", b"wait=10"))
    assert [for_a_wait(each) for each in given] == [False, False]


def test_without_waiters_nobody_gets_time(stack: Stack) -> None:
    given = deadlines(stack)
    with stack.gate(wait=None) as gate:
        http1.send(gate.port, "/", WISH)
    assert [for_a_wait(each) for each in given] == [False]


def test_a_path_can_be_given_the_time_without_the_clients_wish(stack: Stack) -> None:
    given = deadlines(stack)
    wait = WaitPlan(longest=60.0, waiters=10, prefixes=("/deploy/", "/keys"))
    with stack.gate(wait=wait) as gate:
        for path in ("/deploy/a", "/keys", "/deploy", "/"):
            assert http1.send(gate.port, path).status == 200
        http1.send(gate.port, "/deploy", WISH)
    assert [for_a_wait(each) for each in given] == [True, True, False, False, True]
    assert [each.target for each in stack.upstream.received] == [
        "/deploy/a",
        "/keys",
        "/deploy",
        "/",
        "/deploy",
    ]
    assert not any("x-approval-ticket" in each.names() for each in stack.upstream.received)


def shown(check: wire.CheckRequest) -> wire.CheckRequest:
    """Return a Check without what is different for every request, and without the wish to wait."""
    seen = wire.CheckRequest()
    seen.CopyFrom(check)
    http = seen.attributes.request.http
    http.id = ""
    seen.attributes.request.ClearField("time")
    seen.attributes.source.address.socket_address.port_value = 0
    lines = [line for line in http.header_map.headers if line.key not in {"prefer", "x-request-id"}]
    del http.header_map.headers[:]
    http.header_map.headers.extend(lines)
    return seen


def test_the_check_server_is_shown_the_same_as_on_any_other_route(stack: Stack, gate: Gate) -> None:
    """Bodies as bytes and up to the limit, headers raw: the route changes the service, not the filter."""
    headers = [
        ("x-b", b"\xfe"),
        ("x-b", b"!"),
        ("content-type", b"text/plain"),
        ("x-approval-ticket", b"hg1.a"),
    ]
    for more in ([], [WISH]):
        http1.send(gate.port, "/a?b=c", *headers, *more, method="PUT", body=b"\xff" * 5000)
    plain, waiting = stack.check.checks
    assert ("prefer", b"wait=30") in raw_headers(waiting)
    assert shown(plain) == shown(waiting)
    assert waiting.attributes.request.http.raw_body == b"\xff" * 4096
    assert [value for name, value in raw_headers(waiting) if name == "x-b"] == [b"\xfe", b"!"]
    assert not any("x-approval-ticket" in each.names() for each in stack.upstream.received)


def fails(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
    context.abort(grpc.StatusCode.UNAVAILABLE, "secret detail")
    raise AssertionError("abort raises")


def breaks_a_line(_check: wire.CheckRequest, _context: grpc.ServicerContext) -> wire.CheckResponse:
    return deny(403, {"x-why": "a\r\nset-cookie: b=c"})


def holds(_check: wire.CheckRequest, _context: grpc.ServicerContext) -> wire.CheckResponse:
    return deny(202, {"x-approval-ticket": "hg1.a"}, "{}")


def says_too_much(_check: wire.CheckRequest, _context: grpc.ServicerContext) -> wire.CheckResponse:
    return deny(403, body="a" * 5_000_000)


@pytest.mark.parametrize(
    ("answer", "status"), [(fails, 503), (breaks_a_line, 500), (holds, 202), (says_too_much, 503)]
)
def test_an_answer_is_taken_as_on_any_other_route(
    answer: Callable[[wire.CheckRequest, grpc.ServicerContext], wire.CheckResponse],
    status: int,
    stack: Stack,
    gate: Gate,
) -> None:
    stack.check.answer = answer
    plain, waiting = http1.send(gate.port), http1.send(gate.port, "/", WISH)
    assert plain.status == waiting.status == status
    assert plain.body == waiting.body
    assert waiting.names() == plain.names()
    assert len(stack.check.checks) == 2
    assert not stack.upstream.received


def test_control_without_its_own_bound_the_route_takes_an_answer_of_any_size(stack: Stack) -> None:
    def unbound(document: Document) -> None:
        del waiting_service(document)["envoy_grpc"]["max_receive_message_length"]

    stack.check.answer = says_too_much
    with stack.gate(unbound) as gate:
        assert http1.send(gate.port, "/", WISH).status == 403


@pytest.mark.parametrize("retried", [True, False], ids=["as shipped", "control: no RPC retry"])
def test_a_worker_that_has_just_died_costs_no_waiting_request(retried: bool, stack: Stack) -> None:
    unretried = [] if retried else [lambda document: waiting_service(document).pop("retry_policy")]
    with checking() as survivor, checking() as victim:
        workers = tuple(TcpEndpoint("127.0.0.1", each.port) for each in (survivor, victim))
        with stack.gate(*unretried, check=workers) as gate:
            until("both can be asked to wait", lambda: gate.envoy.counter(HEALTHY) == 2)
            victim.stop()
            statuses = {http1.send(gate.port, "/", WISH).status for _ in range(40)}
    assert statuses == ({200} if retried else {200, 503})


@pytest.mark.parametrize("apart", [True, False], ids=["as shipped", "control: one cluster for all"])
def test_those_who_wait_take_nobody_elses_room(apart: bool, stack: Stack) -> None:
    changes = [] if apart else [one_cluster_for_all]
    with (
        stack.gate(*changes, max_checks=2, wait=WaitPlan(longest=60.0, waiters=3)) as gate,
        ThreadPoolExecutor(2) as pool,
        holding(stack.check) as held,
    ):
        waiting = [pool.submit(http1.send, gate.port, "/", WISH) for _ in range(2)]
        held.arrive(2)
        assert http1.send(gate.port, "/quick").status == (200 if apart else 503)
        held.release()
        assert [each.result(WAIT).status for each in waiting] == [200, 200]


def test_envoy_refuses_nobody_whom_the_server_would_let_wait(stack: Stack) -> None:
    """One more than the waiters and the plain checks that the server takes, and Envoy refuses at last."""
    with (
        stack.gate(max_checks=1, wait=WaitPlan(longest=60.0, waiters=2)) as gate,
        ThreadPoolExecutor(3) as pool,
        holding(stack.check) as held,
    ):
        waiting = [pool.submit(http1.send, gate.port, "/", WISH) for _ in range(3)]
        held.arrive(3)
        assert http1.send(gate.port, "/", WISH).status == 503
        held.release()
        assert [each.result(WAIT).status for each in waiting] == [200] * 3


@pytest.mark.parametrize("body", [None, b"abc"])
def test_a_client_that_goes_away_takes_its_check_with_it(
    body: bytes | None, stack: Stack, gate: Gate
) -> None:
    with holding(stack.check) as held:
        with http1.connected(gate.port) as connection:
            connection.send(http1.request_bytes("POST", "/", [WISH], body))
            held.arrive(1)
            assert not held.taken_back.is_set()
        assert held.taken_back.wait(WAIT)
    assert not stack.upstream.received


def test_control_a_client_that_stays_keeps_its_check(stack: Stack, gate: Gate) -> None:
    with holding(stack.check) as held, http1.connected(gate.port) as connection:
        connection.send(http1.request_bytes("POST", "/", [WISH], None))
        held.arrive(1)
        held.release()
        assert connection.response().status == 200
        assert not held.taken_back.is_set()


def idle_soon(document: Document) -> None:
    manager(document)["stream_idle_timeout"] = "0.5s"
    ext_authz(document)["grpc_service"]["timeout"] = "60s"


def patient_route(document: Document) -> None:
    route(document, "gated_waiting")["route"]["idle_timeout"] = "60s"


def test_a_wait_ends_with_the_idle_timeout_of_streams(stack: Stack) -> None:
    """The plan keeps the longest wait below it; this is what would come otherwise."""
    with stack.gate(idle_soon) as gate, holding(stack.check) as held:
        assert http1.send(gate.port, "/", WISH).status == 504
        assert held.taken_back.wait(WAIT)
    assert not stack.upstream.received


def test_the_idle_timeout_of_a_route_counts_in_place_of_the_general_one(stack: Stack) -> None:
    with (
        stack.gate(idle_soon, patient_route) as gate,
        ThreadPoolExecutor(1) as pool,
        holding(stack.check) as held,
    ):
        patient = pool.submit(http1.send, gate.port, "/", WISH)
        held.arrive(1)
        assert http1.send(gate.port).status == 504  # it came later, and is gone first
        assert held.taken_back.wait(WAIT)
        assert patient.result(WAIT).status == 200


def test_a_worker_that_drains_gets_no_new_waiters_and_answers_those_that_it_has(stack: Stack) -> None:
    with checking() as worker:
        workers = (TcpEndpoint("127.0.0.1", worker.port),)
        with stack.gate(check=workers) as gate, ThreadPoolExecutor(1) as pool, holding(worker) as held:
            waiting = pool.submit(http1.send, gate.port, "/", WISH)
            held.arrive(1)
            worker.serving(yes=False)
            until("Envoy has noticed", lambda: gate.envoy.counter(HEALTHY) == 0)
            until("new ones are refused", lambda: http1.send(gate.port, "/quick", WISH).status == 503)
            held.release()
            assert waiting.result(WAIT).status == 200


def test_the_status_of_a_ticket_can_be_waited_for_as_long(stack: Stack, gate: Gate) -> None:
    """Envoy tells the console how long it has, in milliseconds."""
    http1.send(gate.port, "/.holdgate/tickets/abc", WISH)
    (asked,) = stack.console.received
    assert asked.values("x-envoy-expected-rq-timeout-ms") == [b"70000"]
    assert asked.values("prefer") == [b"wait=30"]
    assert not stack.check.checks
