"""A request as Envoy showed it, with whatever a test wants different."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authz.domain.request import CheckId, GatedRequest

ISSUER = "https://idp.example"
NAMESPACE = "envoy.filters.http.jwt_authn"
TIME_NS = 1_800_000_000_000_000_001
BODY = b'{"force": true}'
_PLAIN = GatedRequest(
    check_id=CheckId("1001", TIME_NS),
    method="DELETE",
    scheme="https",
    host="api.example",
    path="/resources/db-orders",
    query="force=true",
    protocol="HTTP/1.1",
    headers=(
        ("content-type", b"application/json"),
        ("content-length", b"%d" % len(BODY)),
        ("user-agent", b"test"),
    ),
    raw_headers=True,
    body=BODY,
    raw_body=True,
    partial=None,
    body_limit=65_536,
    context_extensions={},
    source_address="192.0.2.1",
    source_principal="",
    claims={NAMESPACE: {"jwt": {"iss": ISSUER, "sub": "alice-1", "name": "alice"}}},
)


def gated(**changes: Any) -> GatedRequest:  # noqa: ANN401 - any field
    """Return alice's DELETE of a resource, changed like this."""
    return replace(_PLAIN, **changes)


def with_headers(request: GatedRequest, *more: tuple[str, bytes]) -> GatedRequest:
    """Return the request with more header lines."""
    return replace(request, headers=(*request.headers, *more))


def sent_by(name: str) -> dict[str, object]:
    """Return the claims of a token that Envoy verified."""
    return {NAMESPACE: {"jwt": {"iss": ISSUER, "sub": f"{name}-1", "name": name}}}
