"""The three kinds of client, and what each makes of an answer, in the same words for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from tests.e2e.contract import grpc_calls
from tests.e2e.envoy_config import http2
from tests.support.gate import TICKET, Gate
from tests.support.grpc_details import details

# Said by code, message, headers or the other details of a gRPC status.
_NO_MEMBERS = {"type", "title", "status", "detail", "token", "retry_after"}
OK = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client learns of one request.

    `status` is that of HTTP, or the number of gRPC's. `reason` names the problem and is empty where the answer is
    the policy's or the upstream's. An object's members are named `NAME_MEMBER`; what is no text is JSON.
    """

    status: int
    reason: str
    message: str
    members: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.members["id"]

    @property
    def ticket(self) -> tuple[str, str]:
        """The header that presents the ticket."""
        return TICKET, self.headers[TICKET]

    @property
    def retry_after(self) -> int | None:
        value = self.headers.get("retry-after")
        return None if value is None else int(value)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, to be sent by any kind of client."""

    path: str
    headers: Sequence[tuple[str, str]] = ()
    who: str | None = "alice"
    body: bytes = field(default=b"a")


class Client(Protocol):
    """A kind of client. `name` is that of a column of the table."""

    name: str

    def send(self, gate: Gate, asked: Asked) -> Seen:
        """Send one request on a connection of its own, and read the answer."""
        ...


class Http1:
    """HTTP/1.1, with a content-length."""

    name = "HTTP/1.1"

    def send(self, gate: Gate, asked: Asked) -> Seen:
        lines = [(name, value.encode()) for name, value in asked.headers]
        answer = gate.send(asked.path, *lines, method="POST", who=asked.who, body=asked.body)
        return _of_http(answer.status, answer.headers, answer.body)


class Http2:
    """HTTP/2 without TLS, and without a content-length."""

    name = "HTTP/2"

    def send(self, gate: Gate, asked: Asked) -> Seen:
        lines = [(name.encode(), value.encode()) for name, value in _credentials(gate, asked)]
        answer = http2.send(gate.port, asked.path, lines, body=asked.body)
        headers = [(name.decode(), value) for name, value in answer.headers]
        return _of_http(answer.status, headers, answer.body)


class Grpc:
    """A unary call by gRPC's own client."""

    name = "gRPC"

    def send(self, gate: Gate, asked: Asked) -> Seen:
        try:
            grpc_calls.unary(gate.port, asked.path, _credentials(gate, asked), asked.body)
        except grpc.RpcError as error:
            return _of_grpc(error)
        return Seen(OK, "", "", {}, {})


CLIENTS: tuple[Client, ...] = (Http1(), Http2(), Grpc())


def _credentials(gate: Gate, asked: Asked) -> list[tuple[str, str]]:
    own = [] if asked.who is None else [("authorization", f"Bearer {gate.backing.token(asked.who)}")]
    return [*own, *asked.headers]


def _of_http(status: int, lines: Sequence[tuple[str, bytes]], body: bytes) -> Seen:
    headers = {name: value.decode("latin-1") for name, value in lines}
    kind = headers.get("content-type")
    if kind not in {"application/json", "application/problem+json"}:
        return Seen(status, "", body.decode(), {}, headers)
    document: dict[str, Any] = json.loads(body)
    reason = "HELD"
    if kind == "application/problem+json":
        prefix, _, slug = document["type"].rpartition(":")
        assert (prefix, document["status"]) == ("urn:holdgate:problem", status)
        assert document["title"]
        reason = slug.replace("-", "_").upper()
    assert document.get("token") == headers.get(TICKET)
    if "retry_after" in document:
        assert headers.get("retry-after", "0") == str(document["retry_after"])
    members = {name: value for name, value in document.items() if name not in _NO_MEMBERS}
    return Seen(status, reason, document["detail"], dict(_flat(members)), headers)


def _of_grpc(error: Any) -> Seen:  # noqa: ANN401 - an RpcError is a Call too, which its types don't say
    metadata = dict([*error.initial_metadata(), *error.trailing_metadata()])
    code: int = error.code().value[0]
    encoded = metadata.pop(grpc_calls.DETAILS, None)
    if encoded is None:
        return Seen(code, "", error.details(), {}, metadata)
    rich = details(encoded)
    assert (rich.code, rich.message, rich.domain) == (code, error.details(), "holdgate")
    assert str(rich.retry_after) == metadata.get("retry-after", "None")
    return Seen(code, rich.reason, rich.message, rich.metadata, metadata)


def _flat(members: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            yield prefix + name, text
