"""`parsed_path` and `parsed_query`: the request target in the pieces that policies match on.

The target is cut at the first `?` and never read as a URL: `//admin/x` is a path (CVE-2026-26205 lost a segment
there), and a `%3F` stays in the path.
"""

from __future__ import annotations

from authz.adapters.envoy.form_body import parse_pairs, unescape


def parsed_path(target: str) -> list[str]:
    """Return the decoded path's segments: all leading slashes gone, inner empty segments kept.

    `/a%2Fb` gives `["a", "b"]`, as policies written for the plugin expect. Raises BadRequest on a bad escape.
    """
    path = target.partition("?")[0]
    if "%" in path:
        path = unescape(path.encode(), "path")
    return path.lstrip("/").split("/")


def parsed_query(target: str) -> dict[str, list[str]]:
    """Return name → values. Raises BadRequest on a bad escape, and on `;`, which readers split differently."""
    return parse_pairs(target.partition("?")[2].encode(), "query")
