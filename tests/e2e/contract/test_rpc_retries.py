"""What Envoy does again, of its own accord, when a check fails."""

from __future__ import annotations

import grpc
import pytest

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.contract.conftest import BareEnvoy
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import allow
from tests.e2e.envoy_config.stack import Document, Stack, ext_authz

POLICY = {"retry_on": "unavailable", "num_retries": 3}


def on_the_service(document: Document) -> None:
    ext_authz(document)["grpc_service"]["retry_policy"] = POLICY


def inside_envoy_grpc(document: Document) -> None:
    ext_authz(document)["grpc_service"]["envoy_grpc"]["retry_policy"] = POLICY


def fails_twice(stack: Stack) -> None:
    def answer(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        if len(stack.check.checks) <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return allow()

    stack.check.answer = answer


def test_a_retried_check_is_the_same_to_the_last_byte(stack: Stack, changed: BareEnvoy) -> None:
    """Its id and its time too: by those Holdgate knows a redemption again."""
    fails_twice(stack)
    with changed(on_the_service) as gate:
        assert http1.send(gate.port, method="POST", body=b"abc").status == 200
    first, *again = (check.SerializeToString(deterministic=True) for check in stack.check.checks)
    assert again == [first, first]
    assert stack.check.checks[0].attributes.request.http.id
    assert stack.check.checks[0].attributes.request.time.nanos
    assert len(stack.upstream.received) == 1


@pytest.mark.parametrize("change", [inside_envoy_grpc, lambda _document: None], ids=["envoy_grpc", "none"])
def test_control_a_retry_policy_elsewhere_is_accepted_and_does_nothing(
    change: object, stack: Stack, changed: BareEnvoy
) -> None:
    fails_twice(stack)
    with changed(change) as gate:
        assert http1.send(gate.port).status == 403
    assert len(stack.check.checks) == 1
