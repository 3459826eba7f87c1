"""Differences in what two servers make of one result document, by their rows in docs/compatibility.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from authz.wire.ext_authz_pb2 import StatusCode
from tests.fuzz.differential.rows import Row, Rows

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}", re.ASCII)
_PSEUDO = re.compile(r":[a-z]{1,32}", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_FRAMING = {"connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
_WITHOUT_CONTENT = {204, 205, 304}


def of_result(result: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Rows | None:
    """Return the rows that explain the difference, None when none does. The answers are `plain`."""
    if "allow" in theirs and "allow" in ours:
        return _of_allows(theirs["allow"], ours["allow"])
    document = _document(result)
    if document is None:
        return None
    if {"approval", "requester"} & document.keys():
        return frozenset({"approval"})
    if "error" in ours:
        return _of_refusal(document)
    status = document.get("http_status")
    if "error" in theirs and "deny" in ours and status not in StatusCode.values():
        return frozenset({"more-statuses"}) if str(status) == str(ours["deny"]["status"]) else None
    return None


def _document(result: str) -> dict[str, Any] | None:
    try:
        document = json.loads(result)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def reserved(name: str) -> bool:
    """Say whether a header is one that only Holdgate sets."""
    return name.lower().replace("_", "-").startswith("x-approval-")


def _of_allows(theirs: dict[str, Any], ours: dict[str, Any]) -> Rows | None:
    changed = {"headers", "query", "remove"}
    if {key: theirs[key] for key in theirs.keys() - changed} != {
        key: ours[key] for key in ours.keys() - changed
    }:
        return None
    rows: set[Row] = set()
    set_theirs, set_ours = theirs.get("headers", {}), ours.get("headers", {})
    if set_theirs != set_ours:
        # Where a name stands twice in two spellings, Go's maps make the last one a matter of chance.
        if set_theirs.keys() != set_ours.keys() or any(
            len(values) != 1 or values[0] not in set_ours[name] for name, values in set_theirs.items()
        ):
            return None
        rows.add("repeated-headers")
    if theirs.get("query") != ours.get("query"):
        if _decoded(theirs) != _decoded(ours):
            return None
        rows.add("query-encoding")
    gone_theirs, gone_ours = set(theirs.get("remove", ())), set(ours.get("remove", ()))
    if gone_theirs != gone_ours:
        if gone_theirs - gone_ours or not all(map(reserved, gone_ours - gone_theirs)):
            return None
        rows.add("reserved-headers")
    return frozenset(rows) or None


def _decoded(allow: dict[str, Any]) -> dict[str, list[str]]:
    pairs = allow.get("query", {}).items()
    return {unquote(name): [unquote(value) for value in values] for name, values in pairs}


def _of_refusal(document: dict[str, Any]) -> Rows | None:
    """Say why a document that the plugin obeys is an error."""
    rows: set[Row] = set()
    allowed = document.get("allowed") is True
    for key, name, value in _header_lines(document, allowed=allowed):
        upstream = allowed and key == "headers"
        if not (_TOKEN.fullmatch(name) or (upstream and _PSEUDO.fullmatch(name))) or _CONTROL.search(value):
            rows.add("unsafe-headers")
        if upstream and reserved(name):
            rows.add("reserved-headers")
        if allowed and (name.lower() in _FRAMING or name.startswith(":") or name.lower() == "host"):
            rows.add("framing")
    removals = document.get("request_headers_to_remove")
    if allowed and isinstance(removals, list) and any(str(name).lower() in _FRAMING for name in removals):
        rows.add("framing")
    status = document.get("http_status")
    if not allowed and status == 100:
        rows.add("interim-status")
    if not allowed and status in _WITHOUT_CONTENT and document.get("body"):
        rows.add("framing")
    return frozenset(rows) or None


def _header_lines(document: dict[str, Any], *, allowed: bool) -> Iterator[tuple[str, str, str]]:
    for key in ("headers", "response_headers_to_add") if allowed else ("headers",):
        value = document.get(key, {})
        for item in value if isinstance(value, list) else [value]:
            for name, content in item.items() if isinstance(item, dict) else ():
                for text in content if isinstance(content, list) else [content]:
                    yield key, name, str(text)
