"""What gRPC callers see of Holdgate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import grpc
import pytest

from authz.domain.problems import Problem
from tests.e2e.contract.bare import per_route
from tests.e2e.contract.grpc_calls import (
    CALLERS,
    WAIT,
    Caller,
    Echo,
    Failure,
    Metadata,
    call,
    echoing,
    failure,
    unary,
)
from tests.e2e.contract.holdgate.policy import said
from tests.e2e.envoy_config.stack import http2_upstream
from tests.support.gate import TICKET, Change, Document, Gate, envoy_before
from tests.support.gate_backing import BODY_LIMIT, fresh

EACH_CALLER = pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
UNBOUND = {
    "allowed": False,
    "approval": {"rule": "stream", "reason": "", "approvers": [{"group": "sre"}], "bind": {"body": False}},
}


def credentials(gate: Gate) -> Metadata:
    return [("authorization", f"Bearer {gate.backing.token('alice')}")]


def redeeming(gate: Gate, held: Failure) -> Metadata:
    ticket = held.metadata[TICKET]
    assert isinstance(ticket, str)
    return [*credentials(gate), (TICKET, ticket)]


@contextmanager
def grpc_gate(gate: Gate, *changes: Change) -> Iterator[tuple[Gate, Echo]]:
    """Run another Envoy before the same servers, with an upstream that speaks gRPC."""
    with echoing() as upstream:
        environ = {**gate.environ, "HOLDGATE_ENVOY_UPSTREAM": f"127.0.0.1:{upstream.port}"}
        with envoy_before(gate.backing, environ, gate.servers, http2_upstream, *changes) as before:
            yield before, upstream


@EACH_CALLER
def test_a_held_call_fails_with_the_ticket_in_its_metadata(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    seen = failure(caller, gate.port, path, credentials(gate))
    assert (seen.code, seen.details) == (grpc.StatusCode.FAILED_PRECONDITION, Problem.HELD.value.detail)
    ticket, retry_after = seen.metadata[TICKET], seen.metadata["retry-after"]
    rich = seen.rich
    assert isinstance(ticket, str)
    assert (rich.reason, rich.domain, rich.retry_after) == ("HELD", "holdgate", int(retry_after))
    assert (rich.metadata["state"], rich.metadata["rule"]) == ("pending", "hold")
    assert rich.metadata["links_status"] == f"/.holdgate/tickets/{rich.metadata['id']}"
    assert rich.metadata["links_review"].endswith(f"/tickets/{rich.metadata['id']}")
    assert ticket not in str(rich), "details are what people log"
    assert gate.hits(path) == 0


@EACH_CALLER
def test_an_approved_call_goes_through_once(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    with grpc_gate(gate) as (before, upstream):
        held = failure(caller, before.port, path, credentials(gate))
        assert not upstream.calls
        gate.vote(held.rich.metadata["id"])
        approved = failure(caller, before.port, path, credentials(gate))
        assert (approved.rich.metadata["state"], approved.rich.retry_after) == ("approved", 0)
        assert caller(before.port, path, redeeming(gate, held)) in (b"a", [b"a"])
        ((name, received),) = upstream.calls
        again = failure(caller, before.port, path, redeeming(gate, held))
        assert (again.code, again.rich.reason) == (grpc.StatusCode.PERMISSION_DENIED, "USED_UP")
        assert len(upstream.calls) == 1
    assert name == path
    assert received["x-approval-id"] == held.rich.metadata["id"]
    assert TICKET not in received


def test_an_approval_is_for_the_very_message(gate: Gate) -> None:
    path = fresh("hold")
    with grpc_gate(gate) as (before, upstream):
        held = failure(unary, before.port, path, credentials(gate))
        gate.vote(held.rich.metadata["id"])

        def another(port: int, name: str, metadata: Metadata) -> object:
            return unary(port, name, metadata, message=b"b")

        changed = failure(another, before.port, path, redeeming(gate, held))
        assert changed.code is grpc.StatusCode.ABORTED
        assert (changed.rich.reason, changed.rich.metadata["changed"]) == ("REQUEST_CHANGED", '["body"]')
        assert not upstream.calls
        assert unary(before.port, path, redeeming(gate, held)) == b"a"


def test_a_stream_that_ends_within_the_limit_is_held_whole(gate: Gate) -> None:
    path, messages = fresh("hold"), [b"a", b"b", b"c" * 1000]

    def stream(port: int, name: str, metadata: Metadata) -> object:
        return call(port, name, metadata, messages)

    with grpc_gate(gate) as (before, _):
        held = failure(stream, before.port, path, credentials(gate))
        gate.vote(held.rich.metadata["id"])
        assert failure(call, before.port, path, redeeming(gate, held)).code is grpc.StatusCode.ABORTED
        assert call(before.port, path, redeeming(gate, held), messages) == messages


def test_a_message_that_fills_the_buffer_is_not_held(gate: Gate) -> None:
    def long(port: int, name: str, metadata: Metadata) -> object:
        return unary(port, name, metadata, message=b"a" * BODY_LIMIT)

    seen = failure(long, gate.port, fresh("hold"), credentials(gate))
    assert (seen.code, seen.rich.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BODY_NOT_VISIBLE")


def unbuffered(document: Document) -> None:
    """A route for streams that wait for answers, declared as docs/grpc.md says."""
    per_route(document, disable_request_body_buffering=True, context_extensions={"holdgate_body_limit": "0"})


def test_an_open_stream_is_held_only_where_the_rule_leaves_its_body_unbound(gate: Gate) -> None:
    bound, path = fresh("hold"), said(gate, UNBOUND)
    with grpc_gate(gate, unbuffered) as (before, upstream):
        refused = failure(call, before.port, bound, credentials(gate))
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.rich.reason == "BODY_NOT_VISIBLE"
        assert "buffers no body" in refused.rich.metadata["reason"]
        held = failure(call, before.port, path, credentials(gate))
        gate.vote(held.rich.metadata["id"])
        assert not upstream.calls
        with grpc.insecure_channel(f"127.0.0.1:{before.port}") as channel:
            asked: SimpleQueue[bytes] = SimpleQueue()
            method: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
            answers = iter(method(iter(asked.get, b""), timeout=WAIT, metadata=tuple(redeeming(gate, held))))
            for message in (b"first", b"second"):
                asked.put(message)
                assert next(answers) == message
            asked.put(b"")


@EACH_CALLER
def test_what_the_policy_denies_is_answered_as_by_the_opa_envoy_plugin(caller: Caller, gate: Gate) -> None:
    path = fresh("closed")
    seen = failure(caller, gate.port, path, credentials(gate))
    assert (seen.code, seen.details) == (grpc.StatusCode.PERMISSION_DENIED, "the policy says no")
    assert not [name for name in seen.metadata if name.startswith("grpc-")]
    assert gate.hits(path) == 0


@EACH_CALLER
def test_without_opa_a_call_is_unavailable(caller: Caller, gate: Gate) -> None:
    with gate.backing.opa.refusing():
        seen = failure(caller, gate.port, fresh("open"), credentials(gate))
    assert (seen.code, seen.rich.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert seen.rich.retry_after == 1


@EACH_CALLER
@pytest.mark.parametrize("forged", ["", "hg1.a.b.c", "a,b"])
def test_a_ticket_that_is_none_is_refused(forged: str, caller: Caller, gate: Gate) -> None:
    seen = failure(caller, gate.port, fresh("hold"), [*credentials(gate), (TICKET, forged)])
    assert (seen.code, seen.rich.reason) == (grpc.StatusCode.PERMISSION_DENIED, "TICKET_REFUSED")
    assert seen.rich.metadata == {}
