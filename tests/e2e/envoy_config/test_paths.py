"""One path for the policy, the route and the upstream."""

from __future__ import annotations

import pytest

from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.stack import Document, Gate, Stack, manager

TWISTED = ["//admin", "/%61dmin", "/a/../admin", "/a/%2e%2e/admin", "/./admin", "/a//../admin"]
ESCAPED_SLASHES = ["/a%2fadmin", "/a%2Fadmin", "/a%5cadmin", "/..%2fadmin"]
RAW = ["/a%20b?x=%2F%2f&x=1;2&y", "/a?b?c", "/a%3Fb", "/a;v=1/b", "/a?//b/../c"]


def no_normalisation(document: Document) -> None:
    manager(document)["normalize_path"] = False
    del manager(document)["merge_slashes"]


def escaped_slashes_kept(document: Document) -> None:
    manager(document)["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"


def seen(stack: Stack) -> tuple[str, str]:
    return stack.check.http.path, stack.upstream.received[0].target


@pytest.mark.parametrize("path", TWISTED)
def test_a_twisted_path_is_straightened_before_the_check_and_for_the_upstream(
    path: str, stack: Stack, gate: Gate
) -> None:
    assert http1.send(gate.port, path).status == 200
    straight = "/a/admin" if path == "/a//../admin" else "/admin"
    assert seen(stack) == (straight, straight)


def test_control_without_normalisation_twisted_paths_reach_both_as_they_are(stack: Stack) -> None:
    with stack.gate(no_normalisation) as gate:
        for path in TWISTED:
            stack.reset()
            http1.send(gate.port, path)
            assert seen(stack) == (path, path)


@pytest.mark.parametrize("path", ESCAPED_SLASHES)
def test_a_path_with_an_escaped_slash_is_refused(path: str, stack: Stack, gate: Gate) -> None:
    assert http1.send(gate.port, path).status == 400
    assert not stack.check.checks
    assert not stack.upstream.received


def test_control_an_escaped_slash_that_is_kept_reaches_check_server_and_upstream_unchanged(
    stack: Stack,
) -> None:
    with stack.gate(escaped_slashes_kept) as gate:
        for path in ESCAPED_SLASHES[:3]:
            stack.reset()
            http1.send(gate.port, path)
            assert seen(stack) == (path, path)


@pytest.mark.parametrize("path", RAW)
def test_everything_else_of_a_target_is_the_same_bytes_for_the_check_server_and_the_upstream(
    path: str, stack: Stack, gate: Gate
) -> None:
    assert http1.send(gate.port, path).status == 200
    assert seen(stack) == (path, path)


@pytest.mark.parametrize("path", ["/a#b", "/a?b#c"])
def test_a_target_with_a_fragment_is_refused(path: str, stack: Stack, gate: Gate) -> None:
    assert http1.send(gate.port, path).status == 400
    assert not stack.check.checks


def test_a_path_outside_utf8_is_refused(stack: Stack, gate: Gate) -> None:
    with http1.connected(gate.port) as connection:
        connection.send(b"GET /\xff HTTP/1.1\r\nhost: gate.test\r\n\r\n")
        assert connection.response().status == 400
    assert not stack.check.checks
