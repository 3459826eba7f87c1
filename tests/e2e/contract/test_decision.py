"""What Envoy takes for an allow, what it makes of a refusal, and what it does without an answer."""

from __future__ import annotations

import threading

import grpc
import pytest

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.contract.answers import always, denying, erring
from tests.e2e.contract.conftest import BareEnvoy
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import allow, deny
from tests.e2e.envoy_config.stack import Document, Gate, Stack, ext_authz

WAIT = 15.0


def status_alone(code: int, **responses: wire.CheckResponse) -> wire.CheckResponse:
    """Return another answer's content under this status code."""
    (content,) = responses.values()
    response = wire.CheckResponse()
    response.CopyFrom(content)
    response.status.code = code
    return response


@pytest.mark.parametrize(
    "answer",
    [wire.CheckResponse(), status_alone(0, denied=deny(403, body="no"))],
    ids=["an empty message", "a refusal under status 0"],
)
def test_envoy_takes_every_status_0_for_an_allow(
    answer: wire.CheckResponse, stack: Stack, shipped: Gate
) -> None:
    """So Holdgate builds every answer in one function, which never leaves the status to the default by accident."""
    stack.check.answer = always(answer)
    assert http1.send(shipped.port, method="DELETE").status == 200
    assert len(stack.upstream.received) == 1


@pytest.mark.parametrize("code", [1, 2, 7, 14, 16])
def test_envoy_takes_every_other_status_for_a_refusal(code: int, stack: Stack, shipped: Gate) -> None:
    stack.check.answer = always(status_alone(code, allowed=allow({"x-user": "alice"})))
    assert http1.send(shipped.port, method="DELETE").status == 403
    assert not stack.upstream.received


@pytest.mark.parametrize("status", [100, 200, 299, 403, 599, 600])
def test_envoy_passes_on_whatever_status_a_refusal_has(status: int, stack: Stack, shipped: Gate) -> None:
    """So Holdgate checks the status itself: 200 would look like the upstream's success."""
    stack.check.answer = denying(status=status)
    assert http1.send(shipped.port).status == status
    assert not stack.upstream.received


def test_a_202_passes_with_its_headers_and_its_body(stack: Stack, shipped: Gate) -> None:
    headers = {"content-type": "application/json", "x-approval-ticket": "hg1.a", "retry-after": "5"}
    stack.check.answer = always(deny(202, headers, '{"id":"é"}'))
    response = http1.send(shipped.port)
    assert (response.status, response.body) == (202, '{"id":"é"}'.encode())
    assert {name: response.values(name) for name in headers} == {
        name: [value.encode()] for name, value in headers.items()
    }


@pytest.mark.parametrize(
    ("headers", "body", "content_type"),
    [({"content-type": "application/json"}, "", []), ({}, "held", [b"text/plain"])],
    ids=["an empty body loses its type", "a body without a type becomes text"],
)
def test_type_and_body_come_together(
    headers: dict[str, str], body: str, content_type: list[bytes], stack: Stack, shipped: Gate
) -> None:
    stack.check.answer = always(deny(202, headers, body))
    response = http1.send(shipped.port)
    assert (response.status, response.body) == (202, body.encode())
    assert response.values("content-type") == content_type


def test_an_error_response_has_a_status_of_its_own(stack: Stack, shipped: Gate) -> None:
    """Since 1.37; Holdgate refuses with 503 instead, which older ones understand too."""
    stack.check.answer = erring(502, "out of order")
    response = http1.send(shipped.port)
    assert (response.status, response.body) == (502, b"out of order")
    assert not stack.upstream.received


def test_without_a_timeout_of_its_own_the_filter_waits_a_fifth_of_a_second(
    stack: Stack, changed: BareEnvoy
) -> None:
    released = threading.Event()
    remaining: list[float] = []

    def waits(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
        remaining.append(context.time_remaining())
        released.wait(WAIT)
        return allow()

    def default_timeout(document: Document) -> None:
        del ext_authz(document)["grpc_service"]["timeout"]

    stack.check.answer = waits
    with changed(default_timeout) as gate:
        assert http1.send(gate.port).status == 403
        released.set()
    assert 0 < remaining[0] <= 0.2
    assert not stack.upstream.received
