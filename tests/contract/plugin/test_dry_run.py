"""The one way in which something is let through that the policy denies, and how nobody can overlook it."""

from __future__ import annotations

import json

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.contract.plugin.case import cases
from tests.contract.plugin.conftest import Servers

DENIED = next(case for case in cases() if case.name == "dry_deny_object").request
OK, PERMISSION_DENIED = 0, 7


def answer(servers: Servers, configuration: str, request: CheckRequest = DENIED) -> CheckResponse:
    response = servers.asking(configuration).ask(request)
    assert response is not None
    return response


def test_a_denial_is_let_through_and_said(servers: Servers) -> None:
    """In the dynamic metadata, and in the log as what it would have been."""
    response = answer(servers, "dry-run")
    assert response.status.code == OK
    assert response.dynamic_metadata["decision"] == "deny"
    assert response.dynamic_metadata["dry_run"] is True
    records = [json.loads(line) for line in servers.process("dry-run").log.read_text().splitlines()]
    last = [record for record in records if record["event"] == "check"][-1]
    assert (last["decision"], last["detail"]) == ("deny", "dry run")


def test_without_the_setting_the_same_request_is_denied(servers: Servers) -> None:
    """Control: the setting alone makes the difference."""
    response = answer(servers, "default")
    assert response.status.code == PERMISSION_DENIED
    assert "dry_run" not in response.dynamic_metadata


def test_the_clients_own_approval_headers_never_pass(servers: Servers) -> None:
    """An upstream must not believe in an approval that was none."""
    request = CheckRequest()
    request.CopyFrom(DENIED)
    request.attributes.request.http.headers["x-approval-by"] = "mallory"
    assert list(answer(servers, "dry-run", request).ok_response.headers_to_remove) == ["x-approval-by"]


def test_each_start_says_so_and_a_gauge_keeps_saying_it(servers: Servers) -> None:
    """A dry run that was forgotten is an open door."""
    for configuration, on in (("dry-run", True), ("default", False)):
        server = servers.process(configuration)
        assert server.metric("holdgate_dry_run") == on
        records = [json.loads(line) for line in server.log.read_text().splitlines()]
        loud = [each for each in records if each["event"] == "check.dry_run"]
        assert [each["level"] for each in loud] == ["error"] * on
