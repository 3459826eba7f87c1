"""Headers that a client can't forge."""

from __future__ import annotations

import pytest

from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import allow, deny, raw_headers
from tests.e2e.envoy_config.stack import Document, Gate, Stack, ext_authz, manager, route

FORGED = [
    "x-approval-by",
    "X-Approval-Id",
    "x-approval-receipt",
    "x-approval-tickets",
    "x-approval-ticke",
    "x-approval-",
]
ENVOYS_OWN = [
    "x-envoy-retry-on",
    "x-envoy-max-retries",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-original-path",
    "x-envoy-original-host",
    "x-envoy-auth-partial-body",
    "x-envoy-internal",
    "x-envoy-decorator-operation",
]


def no_early_stripping(document: Document) -> None:
    del manager(document)["early_header_mutation_extensions"]


def underscores_allowed(document: Document) -> None:
    manager(document)["common_http_protocol_options"]["headers_with_underscores_action"] = "ALLOW"


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_approval_header_reaches_neither_the_check_server_nor_the_upstream(
    name: str, stack: Stack, gate: Gate
) -> None:
    assert http1.send(gate.port, "/", (name, b"boss")).status == 200
    assert name.lower() not in dict(raw_headers(stack.check.checks[0]))
    assert name.lower() not in stack.upstream.received[0].names()


def test_control_without_early_stripping_a_forged_approval_header_reaches_both(stack: Stack) -> None:
    with stack.gate(no_early_stripping) as gate:
        http1.send(gate.port, "/", ("x-approval-by", b"boss"))
    assert dict(raw_headers(stack.check.checks[0]))["x-approval-by"] == b"boss"
    assert stack.upstream.received[0].values("x-approval-by") == [b"boss"]


def test_the_header_that_the_check_server_sets_survives_the_stripping(stack: Stack, gate: Gate) -> None:
    stack.check.answer = lambda _check, _context: allow({"x-approval-by": "alice"})
    http1.send(gate.port, "/", ("x-approval-by", b"boss"))
    assert stack.upstream.received[0].values("x-approval-by") == [b"alice"]


def test_control_stripping_on_the_route_removes_what_the_check_server_sets(stack: Stack) -> None:
    stack.check.answer = lambda _check, _context: allow({"x-approval-by": "alice"})

    def strip_on_the_route(document: Document) -> None:
        route(document, "gated")["request_headers_to_remove"].append("x-approval-by")

    with stack.gate(strip_on_the_route) as gate:
        http1.send(gate.port)
    assert stack.upstream.received[0].values("x-approval-by") == []


def test_the_ticket_reaches_the_check_server_and_not_the_upstream(stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, "/", ("x-approval-ticket", b"hg1.a"), ("x-approval-ticket", b"hg1.b"))
    tickets = [value for name, value in raw_headers(stack.check.checks[0]) if name == "x-approval-ticket"]
    assert tickets == [b"hg1.a", b"hg1.b"]
    assert stack.upstream.received[0].values("x-approval-ticket") == []


def test_control_without_the_routes_removal_a_forgetful_check_server_leaks_the_ticket(stack: Stack) -> None:
    with stack.gate(lambda document: route(document, "gated").pop("request_headers_to_remove")) as gate:
        http1.send(gate.port, "/", ("x-approval-ticket", b"hg1.a"))
    assert stack.upstream.received[0].values("x-approval-ticket") == [b"hg1.a"]


@pytest.mark.parametrize("name", ["x_approval_by", "x-approval_by", "x_approval_ticket", "x_tenant"])
def test_a_header_with_an_underscore_is_refused(name: str, stack: Stack, gate: Gate) -> None:
    assert http1.send(gate.port, "/", (name, b"boss")).status == 400
    assert http2.send(gate.port, "/", [(name.encode(), b"boss")]).reset is not None
    assert not stack.check.checks
    assert not stack.upstream.received


@pytest.mark.parametrize("name", ["x_approval_by", "x-approval_by", "x_approval_ticket"])
def test_where_underscores_are_allowed_the_forged_variants_are_still_stripped(
    name: str, stack: Stack
) -> None:
    with stack.gate(underscores_allowed) as gate:
        http1.send(gate.port, "/", (name, b"boss"), ("x_tenant", b"blue"))
    assert name not in stack.upstream.received[0].names()
    assert stack.upstream.received[0].values("x_tenant") == [b"blue"]


def test_control_without_both_guards_an_underscore_variant_reaches_the_upstream_beside_ours(
    stack: Stack,
) -> None:
    stack.check.answer = lambda _check, _context: allow({"x-approval-by": "alice"})
    with stack.gate(underscores_allowed, no_early_stripping) as gate:
        http1.send(gate.port, "/", ("x_approval_by", b"boss"))
    assert stack.upstream.received[0].values("x_approval_by") == [b"boss"]
    assert stack.upstream.received[0].values("x-approval-by") == [b"alice"]


def private_addresses_trusted(document: Document) -> None:
    manager(document)["internal_address_config"] = {}


def test_a_clients_envoy_headers_reach_neither_the_check_server_nor_the_upstream(
    stack: Stack, gate: Gate
) -> None:
    http1.send(gate.port, "/", *((name, b"1") for name in ENVOYS_OWN))
    assert not set(ENVOYS_OWN) & dict(raw_headers(stack.check.checks[0])).keys()
    assert not set(ENVOYS_OWN) & stack.upstream.received[0].names()


def test_control_without_both_guards_a_client_on_a_private_address_can_send_envoys_headers(
    stack: Stack,
) -> None:
    with stack.gate(no_early_stripping, private_addresses_trusted) as gate:
        http1.send(gate.port, "/", *((name, b"1") for name in ENVOYS_OWN))
    assert {"x-envoy-original-path", "x-envoy-retry-on"} < dict(raw_headers(stack.check.checks[0])).keys()
    assert {"x-envoy-original-path", "x-envoy-auth-partial-body"} < stack.upstream.received[0].names()


def test_control_without_early_stripping_a_forged_partial_body_mark_reaches_the_upstream(
    stack: Stack,
) -> None:
    with stack.gate(no_early_stripping) as gate:
        http1.send(gate.port, "/", ("x-envoy-auth-partial-body", b"false"))
    assert stack.upstream.received[0].values("x-envoy-auth-partial-body") == [b"false"]


def test_a_clients_forwarded_certificate_is_removed(stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, "/", ("x-forwarded-client-cert", b"By=boss"))
    assert "x-forwarded-client-cert" not in dict(raw_headers(stack.check.checks[0]))
    assert "x-forwarded-client-cert" not in stack.upstream.received[0].names()


def test_control_a_forwarded_certificate_is_believed_when_configured_so(stack: Stack) -> None:
    def believe(document: Document) -> None:
        manager(document)["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"

    with stack.gate(believe) as gate:
        http1.send(gate.port, "/", ("x-forwarded-client-cert", b"By=boss"))
    assert stack.upstream.received[0].values("x-forwarded-client-cert") == [b"By=boss"]


FORWARDED = (("x-forwarded-proto", b"https"), ("x-forwarded-for", b"198.51.100.7"))


def test_a_client_has_no_say_in_its_scheme_and_address(stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, "/", *FORWARDED)
    seen = dict(raw_headers(stack.check.checks[0]))
    assert stack.check.http.scheme == "http"
    assert seen["x-envoy-external-address"] == b"127.0.0.1"
    assert seen["x-forwarded-for"].startswith(b"198.51.100.7,")


def test_control_without_use_remote_address_the_clients_word_is_taken(stack: Stack) -> None:
    with stack.gate(lambda document: manager(document).pop("use_remote_address")) as gate:
        http1.send(gate.port, "/", *FORWARDED)
    seen = dict(raw_headers(stack.check.checks[0]))
    assert stack.check.http.scheme == "https"
    assert seen["x-forwarded-for"] == b"198.51.100.7"
    assert "x-envoy-external-address" not in seen


def test_the_check_server_sees_every_header_line_with_its_bytes(stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, "/", ("x-a", b"1,2"), ("x-a", b"\xfe"), ("x-a", b"\xff"), ("x-a", b"!"))
    seen = [value for name, value in raw_headers(stack.check.checks[0]) if name == "x-a"]
    assert seen == [b"1,2", b"\xfe", b"\xff", b"!"]
    assert not stack.check.http.headers


def test_control_without_raw_headers_lines_are_joined_and_bytes_are_hidden(stack: Stack) -> None:
    with stack.gate(lambda document: ext_authz(document).pop("encode_raw_headers")) as gate:
        http1.send(gate.port, "/", ("x-a", b"1,2"), ("x-a", b"\xfe"), ("x-a", b"\xff"), ("x-a", b"!"))
    assert stack.check.http.headers["x-a"] == "1,2,!,!,!"


SPLITTING = {"x-reason": "no\r\nset-cookie: stolen=1"}


def test_a_line_break_in_a_header_of_a_refusal_never_reaches_the_client(stack: Stack, gate: Gate) -> None:
    stack.check.answer = lambda _check, _context: deny(403, SPLITTING)
    response = http1.send(gate.port)
    assert response.status == 500
    assert "set-cookie" not in response.names()


def test_control_without_validate_mutations_a_line_break_becomes_a_header(stack: Stack) -> None:
    stack.check.answer = lambda _check, _context: deny(403, SPLITTING)
    with stack.gate(lambda document: ext_authz(document).pop("validate_mutations")) as gate:
        response = http1.send(gate.port)
    assert response.values("set-cookie") == [b"stolen=1"]
