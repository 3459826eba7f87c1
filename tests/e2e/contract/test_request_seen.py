"""What a check server sees of a request, and what stays the client's."""

from __future__ import annotations

import pytest

from tests.e2e.contract.bare import per_route
from tests.e2e.contract.conftest import BareEnvoy
from tests.e2e.contract.raw import exchange
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import raw_headers
from tests.e2e.envoy_config.stack import Document, Gate, Stack, ext_authz, routes


def test_the_query_is_in_the_path_and_nowhere_else(stack: Stack, shipped: Gate) -> None:
    http1.send(shipped.port, "/a?b=c")
    seen = stack.check.http
    assert (seen.path, seen.query, seen.fragment) == ("/a?b=c", "", "")


@pytest.mark.parametrize("path", ["/a%0d%0ab", "/a%01b", "/a?b%00c", "/a%23b", "/a%3fb"])
def test_an_escape_is_the_same_bytes_for_the_check_server_and_the_upstream(
    path: str, stack: Stack, shipped: Gate
) -> None:
    assert http1.send(shipped.port, path).status == 200
    assert (stack.check.http.path, stack.upstream.received[0].target) == (path, path)


def test_an_absolute_target_is_its_path_under_its_host(stack: Stack, shipped: Gate) -> None:
    """And the host header, which says something else, counts neither for the policy nor for the upstream."""
    request = b"GET http://inner.test//a/../b?c HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n"
    assert exchange(shipped.port, request).startswith(b"HTTP/1.1 200 ")
    seen, forwarded = stack.check.http, stack.upstream.received[0]
    assert (seen.host, seen.path) == ("inner.test", "/b?c")
    assert (forwarded.values("host"), forwarded.target) == ([b"inner.test"], "/b?c")


@pytest.mark.parametrize("target", [b"*", b"a", b"http://", b"http:///a", b"gate.test/a"])
def test_a_target_that_is_no_path_is_refused(target: bytes, stack: Stack, shipped: Gate) -> None:
    request = b"OPTIONS " + target + b" HTTP/1.1\r\nhost: gate.test\r\nconnection: close\r\n\r\n"
    assert exchange(shipped.port, request)[9:12] in {b"400", b"404"}
    assert not stack.upstream.received


def test_a_fragment_is_refused_over_http2_too(stack: Stack, shipped: Gate) -> None:
    assert http2.send(shipped.port, "/a#b").status == 400
    assert not stack.check.checks


def test_an_escaped_nul_in_the_path_is_refused(stack: Stack, shipped: Gate) -> None:
    assert http1.send(shipped.port, "/a%00b").status == 400
    assert not stack.check.checks


def test_control_without_normalisation_an_escaped_nul_reaches_both(stack: Stack, bare: Gate) -> None:
    assert http1.send(bare.port, "/a%00b").status == 200
    assert (stack.check.http.path, stack.upstream.received[0].target) == ("/a%00b", "/a%00b")


def test_a_doubled_host_is_one_that_nobody_has(stack: Stack, shipped: Gate) -> None:
    """And the same one for the policy and for the upstream."""
    http1.send(shipped.port, "/", ("host", b"inner.test"))
    assert stack.check.http.host == "gate.test,inner.test"
    assert stack.upstream.received[0].values("host") == [b"gate.test,inner.test"]


def test_doubled_headers_are_separate_lines_for_the_upstream_as_for_the_check_server(
    stack: Stack, shipped: Gate
) -> None:
    """CVE-2021-32777 was a check that saw only the last one."""
    http1.send(shipped.port, "/", ("x-a", b"1"), ("x-b", b"2"), ("x-a", b"3"))
    seen = [value for name, value in raw_headers(stack.check.checks[0]) if name == "x-a"]
    assert seen == stack.upstream.received[0].values("x-a") == [b"1", b"3"]


def test_a_forged_partial_body_mark_is_kept_from_the_check_but_not_from_the_upstream(
    stack: Stack, bare: Gate
) -> None:
    http1.send(bare.port, "/", ("x-envoy-auth-partial-body", b"false"))
    assert "x-envoy-auth-partial-body" not in stack.check.http.headers
    assert stack.upstream.received[0].values("x-envoy-auth-partial-body") == [b"false"]


def test_the_id_of_a_check_is_envoys_own(stack: Stack, bare: Gate) -> None:
    for _ in range(20):
        http1.send(bare.port, "/", ("x-request-id", b"1234"))
    ids = {check.attributes.request.http.id for check in stack.check.checks}
    assert len(ids) == 20
    assert all(1 <= int(each) < 2**64 for each in ids)
    assert {check.attributes.request.http.headers["x-request-id"] for check in stack.check.checks} == {"1234"}


def test_what_a_route_says_of_itself_reaches_the_check_server(stack: Stack, changed: BareEnvoy) -> None:
    def with_context(document: Document) -> None:
        per_route(document, context_extensions={"team": "payments"})
        ext_authz(document)["route_metadata_context_namespaces"] = ["mine"]
        routes(document)[-1]["metadata"] = {
            "filter_metadata": {"mine": {"tier": "gold"}, "other": {"a": "b"}}
        }

    with changed(with_context) as gate:
        http1.send(gate.port)
    (check,) = stack.check.checks
    assert dict(check.attributes.context_extensions) == {"team": "payments"}
    namespaces = check.attributes.route_metadata_context.filter_metadata
    assert {name: dict(fields) for name, fields in namespaces.items()} == {"mine": {"tier": "gold"}}
