"""Queries and forms (application/x-www-form-urlencoded), as Go's net/url reads them."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from authz.adapters.envoy.go_text import go_text
from authz.domain.errors import BadRequest

# More pairs than that are refused by Go 1.26, before any of them is read.
_MAX_PAIRS = 10_000
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parse_pairs(text: bytes, where: str) -> dict[str, list[str]]:
    """Return name → values, in order. `where` names the place in errors.

    Raises BadRequest on a bad escape, on `;`, which readers split differently, and on too many pairs: one bad pair
    spoils all of them, because a policy must not judge half of a request.
    """
    parsed: dict[str, list[str]] = {}
    if not text:
        return parsed
    if text.count(b"&") >= _MAX_PAIRS:
        msg = f"the {where} has more than {_MAX_PAIRS} pairs"
        raise BadRequest(msg)
    if b";" in text:
        msg = f"the {where} has a ';', which different readers understand differently"
        raise BadRequest(msg)
    if b"+" in text:
        text = text.replace(b"+", b" ")
    for pair in text.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            parsed.setdefault(unescape(name, where), []).append(unescape(value, where))
    return parsed


def unescape(text: bytes, where: str) -> str:
    """Decode %XX. Raises BadRequest where a `%` begins no escape."""
    if b"%" in text:
        if _BAD_ESCAPE.search(text):
            msg = f"the {where} has a '%' that does not begin an escape of two hex digits"
            raise BadRequest(msg)
        text = unquote_to_bytes(text)
    return go_text(text)
