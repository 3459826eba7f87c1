"""What the client sees: every case of the contract for HTTP/1.1, HTTP/2 and gRPC, through a real Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authz.domain.problems import Problem
from tests.e2e.envoy_config import http2
from tests.e2e.envoy_config.stack import http2_upstream
from tests.e2e.gate.client_kinds import CLIENTS, Client, Grpc
from tests.e2e.gate.client_row import Row
from tests.e2e.gate.client_rows_with_ticket import WITH_TICKET
from tests.e2e.gate.client_rows_without_ticket import WITHOUT_TICKET
from tests.e2e.gate.client_scene import Gates, Scene
from tests.support.gate import TICKET, Gate, envoy_before, servers

ROWS = [*WITHOUT_TICKET, *WITH_TICKET]
DETAILS = {each.value.reason: each.value.detail for each in Problem}


@pytest.fixture(scope="module")
def gates(shared_gate: Gate) -> Iterator[Gates]:
    backing = shared_gate.backing
    with http2.recording() as upstream:
        environ = {**backing.environ(), "HOLDGATE_ENVOY_UPSTREAM": f"127.0.0.1:{upstream.port}"}
        strict = {
            **environ,
            "HOLDGATE_HELD_STATUS": "428",
            "HOLDGATE_MAX_OPEN_TICKETS_PER_RULE": "1",
        }
        with (
            servers(backing, strict, ("check",)) as own,
            envoy_before(backing, environ, shared_gate.servers, http2_upstream) as usual,
            envoy_before(backing, strict, own, http2_upstream) as stricter,
        ):
            yield Gates(usual, stricter, shared_gate, upstream)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("case", ROWS, ids=[each.act.__name__ for each in ROWS])
def test_every_kind_of_client_sees_the_same(case: Row, client: Client, gates: Gates, gate: Gate) -> None:
    assert gate is gates.console
    scene = Scene(client, gates)
    seen = case.act(scene)
    assert seen.status == (case.grpc.value[0] if isinstance(client, Grpc) else case.http)
    assert seen.reason == case.reason
    assert seen.message == (case.message or DETAILS.get(case.reason, ""))
    assert set(seen.members) == set(case.members)
    assert seen.members.items() >= case.values.items()
    assert (seen.retry_after in case.retry) if case.retry else seen.retry_after is None
    if case.reason:
        assert seen.headers["cache-control"] == "no-store"
    assert (TICKET in seen.headers) is (case.reason == "HELD")
    if case.reason not in {"", "HELD"}:
        page = case.reason.replace("_", "-").lower()
        assert seen.headers["link"] == f'</.holdgate/problems/{page}>; rel="help"'
    if case.reason == "HELD":
        assert seen.headers["link"] == f'</.holdgate/tickets/{seen.id}>; rel="status"'
        assert seen.members["links_status"] == f"/.holdgate/tickets/{seen.id}"
    assert len(scene.received()) == case.hits
