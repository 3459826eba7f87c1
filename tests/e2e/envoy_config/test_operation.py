"""The port, the admin interface, the access log and the start."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import allow
from tests.e2e.envoy_config.stack import Document, Gate, Stack, manager
from tests.support.envoy import EnvoyFailed

SECRETS = (
    ("authorization", b"Bearer secret-token"),
    ("cookie", b"session=secret-cookie"),
    ("x-approval-ticket", b"secret-ticket"),
)


def shared_port(document: Document) -> None:
    del document["static_resources"]["listeners"][0]["enable_reuse_port"]


def post_admin(gate: Gate, path: str) -> int:
    request = urllib.request.Request(f"{gate.envoy.admin}{path}", method="POST", data=b"")  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - http
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def logged(gate: Gate, path: str) -> tuple[dict[str, Any], str]:
    """Return the access log's entry for a path, as data and as text."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for line in gate.envoy.output.read_text().splitlines():
            if path in line:
                return json.loads(line), line
        time.sleep(0.02)
    raise AssertionError(f"no access log entry for {path} within 5 s")


def test_a_second_envoy_on_the_same_port_is_refused(stack: Stack) -> None:
    plan = stack.plan()
    with (
        stack.gate(listen=plan.listen),
        pytest.raises(EnvoyFailed, match="Address already in use"),
        stack.gate(listen=plan.listen),
    ):
        pass


def test_control_with_reuse_port_a_second_envoy_shares_the_port_unnoticed(stack: Stack) -> None:
    plan = stack.plan()
    with (
        stack.gate(shared_port, listen=plan.listen) as first,
        stack.gate(shared_port, listen=plan.listen) as second,
    ):
        assert first.port == second.port


@pytest.mark.parametrize(
    "path", ["/quitquitquit", "/runtime_modify?a=b", "/logging?level=debug", "/drain_listeners"]
)
def test_the_admin_interface_changes_nothing(path: str, stack: Stack, gate: Gate) -> None:
    assert post_admin(gate, path) == 403
    assert http1.send(gate.port).status == 200
    assert len(stack.check.checks) == 1


def test_control_without_allowed_paths_the_admin_interface_obeys_anybody_on_the_machine(stack: Stack) -> None:
    with stack.gate(lambda document: document["admin"].pop("allow_paths")) as gate:
        assert post_admin(gate, "/logging?paths=") == 200


@pytest.mark.parametrize(
    "path", ["/ready", "/stats/prometheus", "/stats", "/config_dump", "/clusters", "/server_info"]
)
def test_the_admin_interface_can_be_read(path: str, gate: Gate) -> None:
    assert gate.envoy.admin_get(path)


def test_the_access_log_tells_the_decision_and_no_secret(stack: Stack, gate: Gate) -> None:
    def answer(_check: object, _context: object) -> object:
        response = allow()
        response.dynamic_metadata.update(
            {"decision": "allow", "rule": "delete-production", "ticket_id": "t1"}
        )
        return response

    stack.check.answer = answer  # type: ignore[assignment]
    http1.send(gate.port, "/logged?token=secret-query", *SECRETS, method="DELETE")
    entry, line = logged(gate, "/logged")
    assert "secret" not in line
    assert (entry["method"], entry["path"], entry["status"], entry["route"]) == (
        "DELETE",
        "/logged",
        200,
        "gated",
    )
    assert (entry["decision"], entry["rule"], entry["ticket_id"]) == ("allow", "delete-production", "t1")


def test_control_a_log_of_the_whole_path_has_the_query(stack: Stack) -> None:
    def whole_path(document: Document) -> None:
        log = manager(document)["access_log"][0]["typed_config"]["log_format"]["json_format"]
        log["path"] = "%REQ(:PATH)%"

    with stack.gate(whole_path) as gate:
        http1.send(gate.port, "/logged?token=secret-query")
        assert "secret-query" in logged(gate, "/logged")[1]


def test_a_path_can_forge_no_log_line(gate: Gate) -> None:
    http1.send(gate.port, '/forge","status":200,"x":"%0a')
    entry, _ = logged(gate, "/forge")
    assert entry["path"].startswith("/forge")
    assert "x" not in entry


def test_too_many_headers_are_refused(stack: Stack, gate: Gate) -> None:
    assert http1.send(gate.port, "/", *((f"x-h{number}", b"1") for number in range(200))).status == 431
    assert http1.send(gate.port, "/", ("x-large", b"a" * 100_000)).status == 431
    assert not stack.check.checks


def test_a_whole_envoy_starts_without_a_warning(stack: Stack) -> None:
    with stack.gate() as gate:
        assert gate.envoy.log.read_text() == ""
