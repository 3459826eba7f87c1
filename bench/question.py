"""The CheckRequests that are asked: fields, order and sizes as Envoy 1.40 sends them with our configuration."""

from __future__ import annotations

from collections.abc import Sequence

from authz.wire.ext_authz_pb2 import CheckRequest

NAMESPACE = "envoy.filters.http.jwt_authn"
ISSUER = "https://issuer.example"
REQUESTER = "alice"
HOST = "api.example"
ALLOWED_PATH = "/projects/42/reports?from=2031-01-01&to=2031-01-31&page=2"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# As long as an ES256 token is. Envoy has verified it; nobody behind Envoy looks into it.
BEARER = "Bearer " + "e" * 340


def check_request(
    path: str = ALLOWED_PATH, method: str = "GET", number: int = 1, extra: Sequence[tuple[str, str]] = ()
) -> CheckRequest:
    """Return one check. `number` tells it from others, as Envoy's stream id does."""
    check = CheckRequest()
    attributes = check.attributes
    for peer, port in ((attributes.source, 55690), (attributes.destination, 10000)):
        peer.address.socket_address.address = "192.0.2.1"
        peer.address.socket_address.port_value = port
    attributes.request.time.seconds = 1_925_000_000
    attributes.request.time.nanos = 800_247_000
    http = attributes.request.http
    http.id = str(11_011_599_019_069_885_272 + number)
    http.method, http.path, http.host, http.scheme, http.protocol = method, path, HOST, "https", "HTTP/1.1"
    headers = (
        (":authority", HOST),
        (":path", path),
        (":method", method),
        (":scheme", "https"),
        ("user-agent", AGENT),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br"),
        ("authorization", BEARER),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-envoy-external-address", "192.0.2.1"),
        ("x-request-id", "48872d51-1f42-4083-8ff7-3087aed69bd4"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        *extra,
    )
    for key, value in headers:
        http.header_map.headers.add(key=key, raw_value=value.encode())
    claims = attributes.metadata_context.filter_metadata[NAMESPACE]
    claims.update(
        {"jwt": {"iss": ISSUER, "sub": REQUESTER, "name": "Alice", "aud": "reports", "exp": 1_925_028_800}}
    )
    attributes.tls_session.sni = HOST
    attributes.route_metadata_context.SetInParent()
    return check


def framed(message: bytes) -> bytes:
    """Return a message as gRPC sends it, uncompressed: one zero byte, four bytes of length, the message."""
    return b"\0" + len(message).to_bytes(4, "big") + message
