"""What was checked once happens at most once, where it was checked for."""

from __future__ import annotations

import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import allow
from tests.e2e.envoy_config.stack import Document, Gate, Stack, cluster, ext_authz, manager, route, routes
from tests.e2e.envoy_config.test_client_headers import no_early_stripping, private_addresses_trusted

ASK_FOR_RETRIES = (("x-envoy-retry-on", b"5xx"), ("x-envoy-max-retries", b"3"))
UPGRADE = (
    ("connection", b"upgrade"),
    ("upgrade", b"websocket"),
    ("sec-websocket-key", b"AAAAAAAAAAAAAAAAAAAAAA=="),
)


def retries_on_the_route(document: Document) -> None:
    route(document, "gated")["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 3}


def retries_possible(document: Document) -> None:
    del cluster(document, "upstream")["circuit_breakers"]


def upgrades(document: Document) -> None:
    manager(document)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


def route_by_environment(document: Document) -> None:
    production = {
        "match": {"prefix": "/", "headers": [{"name": "x-env", "string_match": {"exact": "prod"}}]},
        "route": {"cluster": "holdgate_console"},
    }
    routes(document).insert(1, production)


def route_again(document: Document) -> None:
    ext_authz(document)["clear_route_cache"] = True


@pytest.mark.parametrize("headers", [(), ASK_FOR_RETRIES], ids=["plain", "asking for retries"])
def test_an_upstream_that_fails_is_hit_exactly_once(
    headers: tuple[tuple[str, bytes], ...], stack: Stack, gate: Gate
) -> None:
    stack.upstream.answer_with(503)
    assert http1.send(gate.port, "/", *headers, method="DELETE").status == 503
    assert len(stack.upstream.received) == 1, gate.envoy.output.read_text("utf-8")[-500:]
    assert len(stack.check.checks) == 1


def test_a_retry_policy_that_somebody_adds_is_stopped_by_the_upstream_cluster(stack: Stack) -> None:
    stack.upstream.answer_with(503)
    with stack.gate(retries_on_the_route) as gate:
        http1.send(gate.port, method="DELETE")
    assert len(stack.upstream.received) == 1


def test_control_a_retry_policy_multiplies_one_check(stack: Stack) -> None:
    stack.upstream.answer_with(503)
    with stack.gate(retries_on_the_route, retries_possible) as gate:
        http1.send(gate.port, method="DELETE")
    assert len(stack.upstream.received) == 4
    assert len(stack.check.checks) == 1


def test_control_a_client_on_a_trusted_address_gets_the_retries_that_it_asks_for(stack: Stack) -> None:
    stack.upstream.answer_with(503)
    with stack.gate(no_early_stripping, private_addresses_trusted, retries_possible) as gate:
        http1.send(gate.port, "/", *ASK_FOR_RETRIES, method="DELETE")
    assert len(stack.upstream.received) == 4


@pytest.mark.parametrize("guard", [no_early_stripping, private_addresses_trusted, retries_possible])
def test_of_three_guards_against_client_retries_any_two_may_be_missing(guard: object, stack: Stack) -> None:
    guards = [no_early_stripping, private_addresses_trusted, retries_possible]
    stack.upstream.answer_with(503)
    with stack.gate(*(each for each in guards if each is not guard)) as gate:
        http1.send(gate.port, "/", *ASK_FOR_RETRIES, method="DELETE")
    assert len(stack.upstream.received) == 1


def test_an_upstream_that_closes_without_an_answer_is_hit_once(stack: Stack, gate: Gate) -> None:
    stack.upstream.answer = b"nonsense\r\n\r\n"
    assert http1.send(gate.port, method="DELETE").status in {502, 503}
    assert len(stack.upstream.received) == 1


def test_an_upgrade_is_refused(stack: Stack, gate: Gate) -> None:
    response = http1.send(gate.port, "/", *UPGRADE)
    assert response.status == 403
    assert not stack.upstream.received


def test_control_an_upgrade_that_is_enabled_opens_an_unchecked_session(stack: Stack) -> None:
    stack.upstream.answer = b"HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    with stack.gate(upgrades) as gate:
        assert http1.send(gate.port, "/", *UPGRADE).status == 101
    assert len(stack.check.checks) == 1


def test_a_tunnel_is_refused(stack: Stack, gate: Gate) -> None:
    with http1.connected(gate.port) as connection:
        connection.send(b"CONNECT gate.test:443 HTTP/1.1\r\nhost: gate.test:443\r\n\r\n")
        assert connection.response().status in {403, 404}
    assert not stack.upstream.received


def test_the_route_that_was_checked_is_the_route_that_is_taken(stack: Stack) -> None:
    stack.check.answer = lambda _check, _context: allow({"x-env": "prod"})
    with stack.gate(route_by_environment) as gate:
        http1.send(gate.port)
    assert stack.upstream.received[0].values("x-env") == [b"prod"]
    assert not stack.console.received


def test_control_clearing_the_route_cache_leads_elsewhere(stack: Stack) -> None:
    stack.check.answer = lambda _check, _context: allow({"x-env": "prod"})
    with stack.gate(route_by_environment, route_again) as gate:
        http1.send(gate.port)
    assert not stack.upstream.received
    assert len(stack.console.received) == 1


def test_trailers_of_a_request_are_dropped_towards_an_http1_upstream(stack: Stack, gate: Gate) -> None:
    assert http2.send(gate.port, body=b"a", trailers=[(b"x-approval-by", b"boss")]).status == 200
    assert stack.upstream.received[0].trailers == ()


def test_an_http2_upstream_is_spoken_to_in_http2_and_hit_once(stack: Stack) -> None:
    with (
        http2.recording() as upstream,
        stack.gate(upstream=TcpEndpoint("127.0.0.1", upstream.port), upstream_http2=True) as gate,
    ):
        headers = [(b"x-approval-by", b"boss"), (b"x-approval-ticket", b"hg1.a")]
        assert http2.send(gate.port, "/a?b", headers, body=b"body").status == 200
        (forwarded,) = upstream.received
    assert dict(forwarded.headers)[b":path"] == b"/a?b"
    assert forwarded.body == b"body"
    assert not {b"x-approval-by", b"x-approval-ticket"} & dict(forwarded.headers).keys()


def test_control_an_http2_upstream_gets_trailers_that_nobody_checked(stack: Stack) -> None:
    with (
        http2.recording() as upstream,
        stack.gate(upstream=TcpEndpoint("127.0.0.1", upstream.port), upstream_http2=True) as gate,
    ):
        http2.send(gate.port, body=b"a", trailers=[(b"x-approval-by", b"boss")])
        (forwarded,) = upstream.received
    assert forwarded.trailers == [(b"x-approval-by", b"boss")]
