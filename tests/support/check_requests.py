"""CheckRequests as Envoy sends them, with and without `encode_raw_headers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from authz.wire.ext_authz_pb2 import CheckRequest
from tests.support.gated_requests import BODY, ISSUER, NAMESPACE

HEADERS: Sequence[tuple[str, bytes]] = (
    (":authority", b"api.example"),
    (":method", b"DELETE"),
    (":path", b"/resources/db-orders?force=true"),
    (":scheme", b"https"),
    ("content-type", b"application/json"),
    ("content-length", b"%d" % len(BODY)),
)


def check_request(
    *more: tuple[str, bytes],
    raw: bool = True,
    body: bytes = BODY,
    path: str = "/resources/db-orders?force=true",
) -> CheckRequest:
    """Return alice's DELETE of a resource, with more header lines; `raw` False joins them as the plain map does."""
    check = CheckRequest()
    http = check.attributes.request.http
    http.id, http.method, http.path = "1001", "DELETE", path
    http.host, http.scheme, http.protocol = "api.example", "https", "HTTP/1.1"
    http.raw_body, http.size = body, len(body)
    check.attributes.request.time.seconds, check.attributes.request.time.nanos = 1_800_000_000, 5
    set_headers(check, (*HEADERS, *more), raw=raw)
    claims = {"jwt": {"iss": ISSUER, "sub": "alice-1", "name": "alice"}}
    check.attributes.metadata_context.filter_metadata[NAMESPACE].update(claims)
    return check


def set_headers(check: CheckRequest, lines: Sequence[tuple[str, bytes]], *, raw: bool) -> None:
    """Fill in header lines the one way or the other."""
    http = check.attributes.request.http
    if raw:
        for name, value in lines:
            http.header_map.headers.add(key=name, raw_value=value)
    else:
        http.headers.update(joined(lines))


def joined(lines: Sequence[tuple[str, bytes]]) -> Mapping[str, str]:
    """Join lines of one name with a comma, as Envoy's plain map has them."""
    found: dict[str, str] = {}
    for name, value in lines:
        text = value.decode()
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
