"""The one route that isn't checked."""

from __future__ import annotations

import pytest

from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.stack import Document, Gate, Stack, route
from tests.e2e.envoy_config.test_paths import no_normalisation

STATUS = "/.holdgate/tickets/abc"
CREDENTIALS = (("authorization", b"Bearer x"), ("cookie", b"a=b"), ("x-approval-ticket", b"hg1.a"))


def test_the_status_of_a_ticket_goes_unchecked_to_the_console_with_the_ticket_and_nothing_else(
    stack: Stack, gate: Gate
) -> None:
    assert http1.send(gate.port, f"{STATUS}?a", *CREDENTIALS).status == 200
    assert not stack.check.checks
    assert not stack.upstream.received
    (asked,) = stack.console.received
    assert asked.target == f"{STATUS}?a"
    assert asked.values("x-approval-ticket") == [b"hg1.a"]
    assert not {"authorization", "cookie"} & asked.names()


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "OPTIONS"])
def test_any_other_method_there_is_checked_like_every_request(method: str, stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, STATUS, method=method)
    assert stack.check.http.path == STATUS
    assert not stack.console.received


@pytest.mark.parametrize(
    "path",
    [
        "/.holdgate/tickets/../../admin",
        "/.holdgate/tickets/%2e%2e/%2e%2e/admin",
        "/.holdgate/tickets/..%2f..%2fadmin",
        "/.holdgate/tickets/..;/admin",
        "/.holdgate/tickets/",
        "/.holdgate/tickets/abc/",
        "/.holdgate/tickets/abc/def",
        "/.holdgate/tickets/abc;v=1",
        "/.holdgate/tickets",
        "/.holdgate/other",
        "/.HOLDGATE/tickets/abc",
        "/x/.holdgate/tickets/abc",
    ],
)
def test_no_path_leaves_the_status_or_resembles_it_unchecked(path: str, stack: Stack, gate: Gate) -> None:
    http1.send(gate.port, path)
    assert not stack.console.received
    assert len(stack.check.checks) == len(stack.upstream.received)


def by_prefix(document: Document) -> None:
    match = route(document, "ticket_status")["match"]
    del match["safe_regex"]
    match["prefix"] = "/.holdgate/tickets/"


def test_control_a_route_by_prefix_without_normalisation_lets_a_path_out_of_it_go_unchecked(
    stack: Stack,
) -> None:
    with stack.gate(by_prefix, no_normalisation) as gate:
        http1.send(gate.port, "/.holdgate/tickets/../../admin")
    assert not stack.check.checks
    assert stack.console.received[0].target == "/.holdgate/tickets/../../admin"


def test_without_normalisation_the_routes_own_pattern_still_keeps_such_a_path_out(stack: Stack) -> None:
    with stack.gate(no_normalisation) as gate:
        http1.send(gate.port, "/.holdgate/tickets/../../admin")
    assert len(stack.check.checks) == 1
    assert not stack.console.received
