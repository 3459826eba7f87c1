"""Callers whose requests a filter of Envoy's makes gRPC calls of before they are checked."""

from __future__ import annotations

import json
from secrets import token_hex
from urllib.parse import unquote_to_bytes

import pytest

from authz.domain.problems import Problem
from tests.e2e.contract import translating_filters as filters
from tests.e2e.envoy_config.http1 import Message
from tests.support.gate import TICKET, Change, Gate, envoy_before, problem
from tests.support.gate_backing import fresh

FRAME = b"\0\0\0\0\x01a"
WEB = {"application/grpc-web+proto": FRAME, "application/grpc-web-text": b"AAAAAAFh"}
DEMAND = {"rule": "hold", "reason": "", "approvers": [{"group": "sre"}]}


CONNECT = ("connect-protocol-version", b"1")


def through(gate: Gate, change: Change, path: str, content_type: str, body: bytes) -> Message:
    """Send one request through another Envoy before the same servers."""
    headers = (("content-type", content_type.encode()), CONNECT)
    with envoy_before(gate.backing, gate.environ, gate.servers, change) as translating:
        return translating.send(path, *headers, method="POST", body=body)


@pytest.mark.parametrize("content_type", WEB)
def test_grpc_web_behind_envoys_filter_is_grpc(content_type: str, gate: Gate) -> None:
    answer = through(gate, filters.grpc_web(), fresh("hold"), content_type, WEB[content_type])
    assert (answer.status, answer.body) == (200, b"")
    assert answer.values("content-type") == [b"application/grpc-web+proto"]
    assert answer.values("grpc-status") == [b"9"]
    assert [unquote_to_bytes(each) for each in answer.values("grpc-message")] == [
        Problem.HELD.value.detail.encode()
    ]
    assert answer.values(TICKET)
    assert answer.values("grpc-status-details-bin")


@pytest.mark.parametrize("content_type", WEB)
def test_grpc_web_that_nothing_translates_before_the_check_is_http(content_type: str, gate: Gate) -> None:
    for change in (filters.grpc_web(-1), lambda _document: None):
        answer = through(gate, change, fresh("hold"), content_type, WEB[content_type])
        assert answer.status == 202
        assert answer.values("content-type") == [b"application/json"]
        assert json.loads(answer.body)["token"].encode() == answer.values(TICKET)[0]


def test_connect_behind_envoys_filter_is_grpc(gate: Gate) -> None:
    answer = through(gate, filters.connect(), fresh("hold"), "application/proto", b"a")
    document = json.loads(answer.body)
    assert (answer.status, document["code"]) == (412, "failed_precondition")
    assert {each["type"].rpartition("/")[2] for each in document["details"]} == {
        "google.rpc.ErrorInfo",
        "google.rpc.RetryInfo",
    }
    assert answer.values(TICKET)


@pytest.mark.parametrize("position", [0, -1], ids=["before the check", "after it"])
def test_transcoded_json_is_answered_as_what_the_check_saw(position: int, gate: Gate) -> None:
    """A status of gRPC becomes the status of HTTP that the filter has for it; that is no 202, and has no body."""
    method = f"Say{token_hex(4)}"
    path = f"/shop.Orders/{method}"
    gate.backing.opa.say(method, {"allowed": False, "approval": DEMAND})
    filter_ = filters.transcoding("shop.Orders", method, position)
    answer = through(gate, filter_, path, "application/json", b'{"id":"a"}')
    assert answer.values(TICKET)
    if position == 0:
        assert (answer.status, answer.body) == (400, b"")
        assert answer.values("grpc-status") == [b"9"]
    else:
        assert answer.status == 202
        assert json.loads(answer.body)["rule"] == "hold"


def test_where_nothing_translates_connect_is_http(gate: Gate) -> None:
    path = fresh("hold")
    headers = [("content-type", b"application/connect+proto"), CONNECT, (TICKET, b"hg1.a")]
    assert problem(gate.send(path, *headers, method="POST", body=FRAME)) == "ticket-refused"
