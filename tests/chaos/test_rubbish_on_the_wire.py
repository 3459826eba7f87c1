"""Whatever bytes reach the check port: an error for who sent them, no allow, and a server that goes on."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.support.gate import Gate, envoy_before, running_gate
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_lossy import METHOD, lossy_messenger
from tests.support.waiting import until

ROUNDS = 400
TOO_LONG = 9 << 20


@pytest.fixture(scope="module")
def shared(shared_backing: Backing) -> Iterator[Gate]:
    with running_gate(shared_backing, parts=("check",)) as gate:
        yield gate


@pytest.fixture
def gate(around: Backing, shared: Gate) -> Gate:
    assert shared.backing is around
    return shared


@pytest.fixture
def call(gate: Gate) -> Iterator[Callable[[bytes], bytes]]:
    """Call Check with any bytes, and get the bytes of the answer."""
    with grpc.insecure_channel(gate.servers[0].address) as channel:
        check: Any = channel.unary_unary(METHOD)
        yield lambda request: check(request, timeout=10)


def real_check(gate: Gate, path: str) -> bytes:
    """Return the bytes of a Check as Envoy sends it."""
    address = f"unix:{gate.backing.sockets}/wiretap"
    with (
        lossy_messenger(address, [gate.servers[0].address]) as messenger,
        envoy_before(gate.backing, gate.environ, gate.servers, endpoints=[address]) as tapped,
    ):
        tapped.send(path, ("x-env", b"prod"), method="POST", body=b'{"a": 1}')
        (check,) = messenger.checks
    return check


def assert_serving(gate: Gate) -> None:
    path = fresh("open")
    assert gate.send(path).status == 200
    assert gate.hits(path) == 1
    assert gate.servers[0].alive
    assert "check.unexpected" not in gate.servers[0].log.read_text()


@pytest.mark.parametrize(
    "rubbish", [b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x00", b"{}", b"GET / HTTP/1.1"]
)
def test_bytes_that_are_no_check_are_an_error(
    rubbish: bytes, gate: Gate, call: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(rubbish)
    assert "authz" not in str(caught.value.details())
    assert_serving(gate)


def test_an_empty_check_is_answered_and_not_allowed(gate: Gate, call: Callable[[bytes], bytes]) -> None:
    response = CheckResponse.FromString(call(b""))
    assert response.status.code != 0
    # The policy is asked about it, as about every check, and has nothing to say to what is no HTTP request.
    assert response.denied_response.status.code == 503
    assert_serving(gate)


def test_a_check_that_is_too_long_is_refused_unread(gate: Gate, call: Callable[[bytes], bytes]) -> None:
    check = CheckRequest()
    check.attributes.request.http.raw_body = b"a" * TOO_LONG
    with pytest.raises(grpc.RpcError) as caught:
        call(check.SerializeToString())
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not gate.backing.opa.inputs
    assert_serving(gate)


def test_another_method_is_unimplemented(gate: Gate) -> None:
    with grpc.insecure_channel(gate.servers[0].address) as channel:
        other: Any = channel.unary_unary("/envoy.service.auth.v2.Authorization/Check")
        with pytest.raises(grpc.RpcError) as caught:
            other(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert_serving(gate)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_check_is_an_error_or_a_refusal_and_never_an_allow(
    seed: int, gate: Gate, call: Callable[[bytes], bytes]
) -> None:
    whole, chance = real_check(gate, fresh("closed")), random.Random(seed)  # noqa: S311 - repeatable damage
    refused = errors = 0
    for _ in range(ROUNDS):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            match chance.randrange(3):
                case 0:
                    damaged[place] = chance.randrange(256)
                case 1:
                    del damaged[place : place + chance.randint(1, 8)]
                case _:
                    damaged[place:place] = chance.randbytes(chance.randint(1, 8))
        try:
            answer = CheckResponse.FromString(call(bytes(damaged)))
        except grpc.RpcError:
            errors += 1
        else:
            assert answer.status.code != 0, bytes(damaged)
            assert answer.WhichOneof("http_response") == "denied_response"
            refused += 1
    assert refused
    assert errors
    assert_serving(gate)


def test_what_is_no_grpc_at_all_is_hung_up_on(gate: Gate) -> None:
    address = gate.servers[0].address.removeprefix("unix:")
    for start in (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 1000):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(address)
            connection.sendall(start)
            connection.shutdown(socket.SHUT_WR)
            until("hung up", lambda: not _more(connection), 20)
    assert_serving(gate)


def _more(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""
