"""What ends a check that is being held open."""

from __future__ import annotations

import threading

import grpc
import pytest

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.contract.bare import check_cluster, per_route
from tests.e2e.contract.conftest import BareEnvoy
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import allow
from tests.e2e.envoy_config.stack import Document, Stack, ext_authz, manager, routes

WAIT = 15.0


class Holding:
    """Holds every check until Envoy takes it back, and keeps what it was told of the deadline."""

    def __init__(self, stack: Stack) -> None:
        self.remaining: list[float] = []
        self.taken_back = threading.Event()
        stack.check.answer = self._answer

    def _answer(self, _check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        self.remaining.append(context.time_remaining())
        if context.add_callback(self.taken_back.set):
            assert self.taken_back.wait(WAIT), "nobody took the check back"
        return allow()


def idle_soon(document: Document) -> None:
    ext_authz(document)["grpc_service"]["timeout"] = "60s"
    manager(document)["stream_idle_timeout"] = "0.3s"


def waiting_route(document: Document) -> None:
    """A route for those who wait, with a longer timeout on a cluster of its own, as few checks as that one takes."""
    ext_authz(document)["grpc_service"]["timeout"] = "2s"
    waiting = {"name": "prefer", "string_match": {"contains": "wait="}}
    routes(document).insert(0, {"match": {"prefix": "/", "headers": [waiting]}, "route": {"cluster": "app"}})
    per_route(document, 0, grpc_service={"envoy_grpc": {"cluster_name": "waiters"}, "timeout": "60s"})
    port = document["static_resources"]["clusters"][-1]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    number = port[0]["endpoint"]["address"]["socket_address"]["port_value"]
    document["static_resources"]["clusters"].append(check_cluster("waiters", number))


def test_a_stream_that_idles_is_a_504_and_the_check_is_taken_back(stack: Stack, changed: BareEnvoy) -> None:
    """So the longest wait has to be shorter than `stream_idle_timeout`."""
    holding = Holding(stack)
    with changed(idle_soon) as gate:
        assert http1.send(gate.port).status == 504
        assert holding.taken_back.wait(WAIT)
    assert not stack.upstream.received


@pytest.mark.parametrize("body", [None, b"abc"])
def test_a_client_that_goes_away_takes_its_check_with_it(
    body: bytes | None, stack: Stack, changed: BareEnvoy
) -> None:
    holding = Holding(stack)
    with changed(waiting_route) as gate:
        with http1.connected(gate.port) as connection:
            connection.send(http1.request_bytes("POST", "/", [("prefer", b"wait=30")], body))
            assert stack.check.arrived.wait(WAIT)
        assert holding.taken_back.wait(WAIT)
    assert not stack.upstream.received


def test_a_route_has_a_timeout_of_its_own(stack: Stack, changed: BareEnvoy) -> None:
    remaining: list[float] = []

    def answer(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        remaining.append(context.time_remaining())
        return allow()

    stack.check.answer = answer
    with changed(waiting_route) as gate:
        http1.send(gate.port, "/", ("prefer", b"wait=30"))
        http1.send(gate.port)
    assert 50 < remaining[0] <= 60
    assert 0 < remaining[1] <= 2
