"""A request's twin: what it would be without that in which the servers are known to differ.

What the peer makes of the twin is what Holdgate has to make of the request itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from authz.wire.ext_authz_pb2 import CheckRequest
from tests.fuzz.differential.rows import Row, Rows

TICKET = "x-approval-ticket"
_KIND = re.compile(
    rb"application/json|application/grpc|application/x-www-form-urlencoded|multipart/form-data", re.IGNORECASE
)
_PART_KIND = re.compile(rb"^content-type *:[^\n]*", re.IGNORECASE | re.MULTILINE)
_PARTIAL = "x-envoy-auth-partial-body"


def twin(check: CheckRequest) -> tuple[CheckRequest, Rows]:
    """Return the twin, and the rows of docs/compatibility.md that make it another request than `check`.

    Texts in a multipart body that look like a part's content type change, too: compare answers `folded`.
    """
    rows: set[Row] = set()
    other = CheckRequest()
    other.CopyFrom(check)
    http = other.attributes.request.http
    lines = [(header.key.lower(), header.raw_value) for header in http.header_map.headers]
    if lines:
        rows.add("raw-headers")
        http.ClearField("header_map")
        http.headers.clear()
        http.headers.update(joined(lines))
    markers = [value for name, value in lines if name == _PARTIAL]
    markers = markers or [http.headers[name].encode() for name in (_PARTIAL,) if name in http.headers]
    if markers:
        said = "false" if all(marker == b"false" for marker in markers) else "true"
        if http.headers.get(_PARTIAL) != said:
            rows.add("partial-marker")
            http.headers[_PARTIAL] = said
    kind = http.headers.get("content-type", "").encode()
    if _lowered(kind) != kind:
        rows.add("content-type-case")
        http.headers["content-type"] = _lowered(kind).decode()
    body = http.raw_body or http.body.encode()
    changed = _PART_KIND.sub(lambda line: _lowered(line[0]), body)
    if b"multipart" in kind.lower() and changed != body:
        rows.add("content-type-case")
        if http.raw_body:
            http.raw_body = changed
        else:
            http.body = changed.decode()
    return other, frozenset(rows)


def folded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Write content types small in all texts."""
    if isinstance(value, dict):
        return {folded(name): folded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [folded(item) for item in value]
    return (
        _lowered(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
        if type(value) is str
        else value
    )


def carries_ticket(check: CheckRequest) -> bool:
    """Say whether the client sent a ticket, or what it takes for one."""
    http = check.attributes.request.http
    names = [*http.headers, *(header.key for header in http.header_map.headers)]
    return any(name.lower() == TICKET for name in names)


def joined(lines: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """Join header lines as Envoy's plain map does: with commas, and `!` for each byte outside UTF-8."""
    values: dict[str, list[bytes]] = {}
    for name, value in lines:
        values.setdefault(name, []).append(value)
    # One `!` a byte, which "replace" doesn't promise.
    return {
        name: re.sub("[\udc80-\udcff]", "!", b",".join(parts).decode("utf-8", "surrogateescape"))
        for name, parts in values.items()
    }


def _lowered(text: bytes) -> bytes:
    return _KIND.sub(lambda kind: kind[0].lower(), text)
