"""`parsed_path` and `parsed_query`: the request target in the pieces that policies match on.

The target is cut at the first `?` and never read as a URL: `//admin/x` is a path (CVE-2026-26205 lost a segment
there), and a `%3F` stays in the path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from authz.domain.errors import BadRequest

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


def parsed_path(target: str) -> list[str]:
    """Return the decoded path's segments: all leading slashes gone, inner empty segments kept.

    `/a%2Fb` gives `["a", "b"]`, as policies written for the plugin expect. Raises BadRequest on a bad escape.
    """
    path = target.partition("?")[0]
    return _unescape(path, "path").lstrip("/").split("/")


def parsed_query(target: str) -> dict[str, list[str]]:
    """Return name → values. Raises BadRequest on a bad escape, and on `;`, which readers split differently."""
    query = target.partition("?")[2]
    parsed: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if ";" in pair:
            msg = "the query has a ';', which different readers understand differently"
            raise BadRequest(msg)
        if pair:
            name, _, value = pair.partition("=")
            name, value = (_unescape(text.replace("+", " "), "query") for text in (name, value))
            parsed.setdefault(name, []).append(value)
    return parsed


def _unescape(text: str, where: str) -> str:
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        msg = f"the {where} has a '%' that does not begin an escape of two hex digits"
        raise BadRequest(msg)
    return unquote_to_bytes(text).decode("utf-8", "replace")
