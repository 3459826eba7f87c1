"""Differences in the input that two servers show their policies, by their rows in docs/compatibility.md."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from authz.adapters.envoy.go_json import is_json
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.contract.plugin.case import Number
from tests.fuzz.differential.grpc_calls import GrpcCalls
from tests.fuzz.differential.rows import Row, Rows
from tests.fuzz.differential.twins import TICKET, joined

_REPLACED = "\ufffd"
_DEEPEST_JSON, _DEEPEST_MESSAGE = 1_024, 100
_LONG_VARINT = re.compile(rb"[\x80-\xff]{9}[\x02-\xff]")


def same_attributes(check: CheckRequest, theirs: Any, ours: Any) -> tuple[bool, Rows]:  # noqa: ANN401 - JSON
    """Say whether `attributes` of both inputs are alike but for the rows returned beside."""
    rows: set[Row] = set()
    theirs, ours = dict(theirs or {}), dict(ours or {})
    for attributes in (theirs, ours):
        attributes["request"] = {**attributes.get("request", {})}
        attributes["request"]["http"] = {**attributes["request"].get("http", {})}
    http_theirs, http_ours = theirs["request"]["http"], ours["request"]["http"]
    lines = [
        (header.key.lower(), header.raw_value) for header in check.attributes.request.http.header_map.headers
    ]
    if lines:
        rows.add("raw-headers")
        if http_ours.pop("headers", {}) != _without_ticket(joined(lines)):
            return False, frozenset()
        kept = [
            header
            for header in http_theirs.get("headerMap", {}).get("headers", ())
            if not _is_ticket(header.get("key", ""))
        ]
        if len(kept) < len(lines):
            rows.add("ticket-header")
            http_theirs["headerMap"] = {"headers": kept} if kept else {}
    elif http_theirs.get("headers", {}) != (kept_map := _without_ticket(http_theirs.get("headers", {}))):
        rows.add("ticket-header")
        http_theirs["headers"] = kept_map
        http_ours.setdefault("headers", {})
    return theirs == ours, frozenset(rows)


def of_parts(check: CheckRequest, calls: GrpcCalls, theirs: Any, ours: Any) -> Rows | None:  # noqa: ANN401 - JSON
    """Return the rows that explain why path, query and body were understood differently, None when none does."""
    http = check.attributes.request.http
    body = http.raw_body or http.body.encode()
    message = calls.message(body) if b"grpc" in _content_type(check) else None
    if "input" in theirs and "input" in ours:
        if _comparable(theirs) == _comparable(ours):
            return frozenset({"outside-utf8"})
        return frozenset({"grpc-float"}) if message is not None and _close(theirs, ours) else None
    if "input" in ours and b"grpc" in _content_type(check):
        if _LONG_VARINT.search(body):
            return frozenset({"grpc-varint"})
        return frozenset({"grpc-any"}) if message is not None and _has(message, "Any") else None
    if "input" in theirs and "bad_request" in ours:
        return frozenset(_stricter(check, body, message, theirs)) or None
    return None


def _stricter(check: CheckRequest, body: bytes, message: Message | None, theirs: Any) -> Iterator[Row]:  # noqa: ANN401 - JSON
    kind = _content_type(check)
    if b"json" in kind or b"json" in body.lower():
        starts = [0, *(match.end() for match in re.finditer(rb"\n\r?\n", body))]
        ends = [match.start() for match in re.finditer(rb"null", body)]
        if any(is_json(body[start:end]) for start in starts for end in ends if start < end):
            yield "trailing-null"
        if body.count(b"[") + body.count(b"{") > _DEEPEST_JSON:
            yield "json-depth"
    if b"multipart" in kind and b"quoted-printable" in body.lower():
        values = (theirs["input"].get("parsed_body") or {}).values()
        # A line a part and one behind the last: where there are more, a part was passed over.
        if len(re.findall(rb"(?m)^--", body)) > 1 + sum(map(len, values)):
            yield "unnamed-quoted-printable"
    if b"grpc" in kind:
        if message is None:
            yield "grpc-depth"
        elif _unknown(message):
            yield "grpc-map-entry"


def _content_type(check: CheckRequest) -> bytes:
    http = check.attributes.request.http
    lines = [header.raw_value for header in http.header_map.headers if header.key == "content-type"]
    # Not by subscription: reading a name that isn't in a map of protobuf's puts it there.
    return b",".join(lines or [http.headers.get("content-type", "").encode()]).lower()


def _without_ticket(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not _is_ticket(name)}


def _is_ticket(name: str) -> bool:
    return name.lower().replace("_", "-") == TICKET


def _comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Leave out names that hold U+FFFD: a document can have only one of those that look alike."""
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items() if _REPLACED not in name}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _close(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON
    """Say whether all numbers are the same as a `float`, and all else is equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, Number) and isinstance(other, Number) and one != other:
        try:
            return struct.pack("<f", float(one)) == struct.pack("<f", float(other))
        except OverflowError:
            return False
    return bool(one == other)


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        entry = field.message_type.GetOptions().map_entry
        if entry and field.message_type.fields_by_name["value"].message_type is None:
            continue
        for item in value.values() if entry else value if field.is_repeated else (value,):
            yield from _messages(item)


def _has(message: Message, name: str) -> bool:
    return any(each.DESCRIPTOR.full_name == f"google.protobuf.{name}" for each in _messages(message))


def _unknown(message: Message) -> bool:
    return any(len(UnknownFieldSet(each)) > 0 for each in _messages(message))
