"""Everything below /.holdgate/ is answered by Holdgate, behind every Envoy, and never reaches the upstream."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping

import pytest

from authz.domain.problem_page import problem_page
from authz.domain.problems import Problem
from tests.e2e.envoy_config.stack import manager, routes
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import HOST, TICKET, Document, Gate, envoy_before, problem
from tests.support.gate_backing import fresh

OURS = [
    "/.holdgate",
    "/.holdgate/",
    "/.holdgate/x",
    "/.holdgate/tickets",
    "/.holdgate/tickets/",
    "/.holdgate/tickets/../x",
    "/.holdgate/tickets/..;/x",
    "/.holdgate/tickets/a/b",
    "/.holdgate/problems/x",
    "/x/../.holdgate/x",
    "//.holdgate/x",
    "/%2eholdgate/x",
]
"""As Envoy normalises them in our configuration."""

AS_THEY_COME = [
    "/.holdgate/../x",
    "/.holdgate//x",
    "/.holdgate/%2e%2e/x",
    "/.holdgate/..%2fx",
    "/.holdgate/tickets/..",
]


def without_our_routes(document: Document) -> None:
    """An Envoy of somebody's own: every path is checked, and none is normalised."""
    kept = [each for each in routes(document) if "typed_per_filter_config" not in each]
    assert len(kept) < len(routes(document))
    routes(document)[:] = kept
    options = manager(document)
    options["normalize_path"] = options["merge_slashes"] = False
    options["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"


@pytest.fixture(scope="module")
def shared_plain_gate(shared_gate: Gate) -> Iterator[Gate]:
    """The same servers behind an Envoy that knows nothing of Holdgate's paths."""
    with envoy_before(
        shared_gate.backing, shared_gate.environ, shared_gate.servers, without_our_routes
    ) as gate:
        yield gate


@pytest.fixture
def plain_gate(gate: Gate, shared_plain_gate: Gate) -> Gate:
    assert gate.backing is shared_plain_gate.backing
    return shared_plain_gate


def through(gate: Gate, method: str, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """Send a request by a client that knows that the answer to HEAD has no body."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
    connection.request(method, path, headers={"host": HOST, **headers})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", OURS)
def test_nothing_below_our_prefix_reaches_the_upstream_or_the_policy(
    path: str, method: str, gate: Gate
) -> None:
    response = gate.send(path, method=method)
    assert problem(response) in {"not-found", "method-not-allowed", "ticket-refused"}
    assert response.values("x-content-type-options") == [b"nosniff"]
    assert not gate.backing.opa.inputs
    assert not gate.backing.upstream.received


@pytest.mark.parametrize("path", [*OURS[:9], *AS_THEY_COME])
def test_nor_behind_an_envoy_that_normalises_nothing(path: str, plain_gate: Gate) -> None:
    response = plain_gate.send(path, method="GET")
    assert problem(response) in {"not-found", "ticket-refused"}
    assert not plain_gate.backing.upstream.received


@pytest.mark.parametrize("path", ["/.holdgate/x", "/.holdgate/tickets/../x"])
def test_control_without_the_reservation_the_upstream_gets_it(path: str, unguarded: Unguarded) -> None:
    gate = unguarded.gate
    gate.backing.opa.say("x", {"allowed": True})
    assert gate.send(path).status == 404
    assert not gate.backing.upstream.received
    with unguarded.guards.without("reserved-paths"):
        assert gate.send(path).status == 200
    assert gate.hits("/.holdgate/x") == 1


def test_an_envoy_without_the_exempt_route_tells_the_status_alike(gate: Gate, plain_gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    path = f"/.holdgate/tickets/{held.id}"
    for _ in range(2):
        told, told_here = (each.send(path, held.ticket, method="GET") for each in (gate, plain_gate))
        assert (told.status, told_here.status) == (200, 200)
        assert json.loads(told.body) == json.loads(told_here.body)
        for name in ("content-type", "cache-control", "x-content-type-options", "link", "retry-after"):
            assert told.values(name) == told_here.values(name) != []
        gate.vote(held.id)
    refused, refused_here = (each.send(path, method="GET") for each in (gate, plain_gate))
    assert refused.body == refused_here.body
    assert (refused.status, refused_here.status) == (403, 403)


def test_head_is_get_without_the_body(gate: Gate, plain_gate: Gate) -> None:
    held = gate.hold(fresh("hold"))
    for each in (gate, plain_gate):
        got, head = (
            through(each, method, f"/.holdgate/tickets/{held.id}", {TICKET: held.token})
            for method in ("GET", "HEAD")
        )
        assert (got.status, head.status) == (200, 200)
        for name in ("content-type", "cache-control", "link", "retry-after"):
            assert got.headers[name] == head.headers[name]
    assert through(gate, "HEAD", f"/.holdgate/tickets/{held.id}", {}).status == 403


def test_whoever_meets_a_problem_finds_its_page(gate: Gate, plain_gate: Gate) -> None:
    """Following the link, on the same host, signed in or not."""
    refused = gate.send(fresh("hold"), (TICKET, b"nonsense"))
    assert problem(refused) == "ticket-refused"
    (link,) = refused.values("link")
    assert link.decode() == '</.holdgate/problems/ticket-refused>; rel="help"'
    for each in (gate, plain_gate):
        page = each.send("/.holdgate/problems/ticket-refused", method="GET", who=None)
        assert page.status == 200
        assert page.body.decode() == problem_page(Problem.REFUSED)
        assert page.values("content-type") == [b"text/plain; charset=utf-8"]
