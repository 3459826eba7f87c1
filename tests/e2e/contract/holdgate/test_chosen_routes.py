"""A header can choose the target: what routes match on has to be bound."""

from __future__ import annotations

from tests.e2e.envoy_config.stack import routes
from tests.support.gate import Document, Gate, envoy_before, problem, running_gate
from tests.support.gate_backing import BOUND_HEADER, fresh

PRODUCTION = (BOUND_HEADER, b"prod")


def route_by_environment(document: Document) -> None:
    matched = {"name": BOUND_HEADER, "string_match": {"exact": "prod"}}
    gated = dict(routes(document)[-1])
    target = {**gated["route"], "prefix_rewrite": "/PROD/"}
    production = {
        **gated,
        "name": "production",
        "match": {"prefix": "/", "headers": [matched]},
        "route": target,
    }
    routes(document).insert(-1, production)


def test_a_header_that_chooses_the_route_is_bound(gate: Gate) -> None:
    with envoy_before(gate.backing, gate.environ, gate.servers, route_by_environment) as routed:
        path = fresh("hold")
        held = routed.approved(path)
        response = routed.send(path, PRODUCTION, held.ticket)
        assert (response.status, problem(response)) == (409, "request-changed")
        assert routed.hits(f"/PROD{path}") == 0
        assert routed.send(path, held.ticket).status == 200
        assert routed.hits(path) == 1


def test_control_unbound_it_sends_an_approved_request_elsewhere(gate: Gate) -> None:
    with running_gate(gate.backing, route_by_environment, parts=("check",), bind_headers="") as routed:
        path = fresh("hold")
        held = routed.approved(path)
        assert routed.send(path, PRODUCTION, held.ticket).status == 200
        assert routed.hits(f"/PROD{path}") == 1
