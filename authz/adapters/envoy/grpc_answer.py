"""What gRPC callers get where others get a hold or a problem: a status with details, and no body.

The response is whole, as an upstream would end a call with nothing but trailers: HTTP status 200, `grpc-status`,
`grpc-message`, `grpc-status-details-bin`. Envoy would fill in most of that itself for a gRPC caller, but for one
whose request a filter translated (grpc_web, connect_grpc_bridge) it doesn't, and that filter finds no gRPC status in
anything less (measured).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from string import punctuation
from typing import Final
from urllib.parse import quote

import orjson
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from authz.domain.answer import ProblemDetails, Respond
from authz.domain.header_mutation import NameValues
from authz.domain.problems import REASON_DOMAIN
from authz.wire.ext_authz_pb2 import CheckRequest

DETAILS_MAX: Final = 4096
"""Characters of `grpc-status-details-bin`. gRPC's own clients take 8 KiB of metadata in all and refuse a call with
16 (measured), Java's with 8."""

_CONTENT_TYPE = "content-type"
_GRPC = b"application/grpc"
_OK = 200
# The gRPC protocol's Status-Message: printable ASCII but the percent sign as it is.
_UNESCAPED = punctuation.replace("%", "") + " "
# Said in the status itself, in its other details or in the headers, or of HTTP alone.
_SAID_ELSEWHERE = frozenset({"type", "title", "status", "detail", "token", "retry_after"})
# Of each entry of a map: its tag and length, and those of key and value. And the lengths around it, which grow with it.
_ENTRY_BYTES = 10
_NESTING_BYTES = 8


def from_grpc(request: CheckRequest) -> bool:
    """Say whether Envoy takes the caller for one of gRPC.

    By its rule and no other (measured): the case counts, a parameter doesn't go with it, and two content types are
    none. `application/grpc-web` is HTTP, unless Envoy's grpc_web filter comes first, which shows `application/grpc`.
    """
    http = request.attributes.request.http
    lines = http.header_map.headers
    if lines:
        found = [line.raw_value or line.value.encode() for line in lines if line.key == _CONTENT_TYPE]
    else:
        found = [http.headers.get(_CONTENT_TYPE, "").encode()]
    return len(found) == 1 and (found[0] == _GRPC or found[0].startswith(_GRPC + b"+"))


def for_grpc(answer: Respond, details: ProblemDetails) -> Respond:
    """Return the same answer for a gRPC caller: its details in the status, its headers as metadata.

    Raises ValueError where `retry-after` is no number of seconds.
    """
    kept = tuple(pair for pair in answer.headers if pair[0] != _CONTENT_TYPE)
    headers: NameValues = (
        (_CONTENT_TYPE, _GRPC.decode()),
        ("grpc-status", str(details.problem.value.grpc_status.value)),
        ("grpc-message", quote(_message(details), safe=_UNESCAPED)),
        ("grpc-status-details-bin", _encoded(_status(details, dict(kept).get("retry-after")))),
        *kept,
    )
    return Respond(_OK, headers, b"", details)


def _message(details: ProblemDetails) -> str:
    return str(details.members["detail"])


def _status(details: ProblemDetails, retry_after: str | None) -> Status:
    """Return google.rpc.Status with ErrorInfo, and RetryInfo where `retry_after` says in how many seconds."""
    what = details.problem.value
    status = Status(code=what.grpc_status.value, message=_message(details))
    if retry_after is not None:
        status.details.append(_packed(RetryInfo(retry_delay=Duration(seconds=int(retry_after)))))
    info = ErrorInfo(reason=what.reason, domain=REASON_DOMAIN)
    room = DETAILS_MAX * 3 // 4 - status.ByteSize() - _packed(info).ByteSize() - _NESTING_BYTES
    info.metadata.update(_fitting(dict(_flat(details.members)), room))
    status.details.insert(0, _packed(info))
    return status


def _flat(members: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every member as text: an object's one by one under `NAME_`, and what is neither text nor object as JSON."""
    for name, value in members.items():
        match value:
            case _ if name in _SAID_ELSEWHERE and not prefix:
                continue
            case str():
                yield prefix + name, value
            case Mapping():
                yield from _flat(value, f"{prefix}{name}_")
            case _:
                yield prefix + name, orjson.dumps(value).decode()


def _fitting(metadata: Mapping[str, str], room: int) -> Mapping[str, str]:
    """Leave out what is longer than `room` bytes in all, the longest first: the short ones are what programs read."""
    fitting = dict(sorted(metadata.items(), key=_length))
    while fitting and sum(map(_length, fitting.items())) > room:
        fitting.popitem()
    return fitting


def _length(entry: tuple[str, str]) -> int:
    return _ENTRY_BYTES + sum(len(text.encode()) for text in entry)


def _packed(message: ErrorInfo | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed


def _encoded(status: Status) -> str:
    """Return a binary metadata value: gRPC wants no padding and takes either."""
    return b64encode(status.SerializeToString(deterministic=True)).rstrip(b"=").decode()
