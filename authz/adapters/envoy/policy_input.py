"""The input document that OPA gets: the OPA Envoy plugin's, built by hand (MessageToDict takes eight times as long).

The ticket header is left out everywhere: OPA logs its input.
"""

from __future__ import annotations

import re
from base64 import b64encode

from authz.adapters.envoy.check_request import header_list, plain
from authz.adapters.envoy.request_body import parsed_body
from authz.adapters.envoy.request_target import parsed_path, parsed_query
from authz.domain.request import GatedRequest
from authz.domain.reserved_headers import carries_ticket
from authz.wire.ext_authz_pb2 import Address, AttributeContext, CheckRequest, Metadata

# What "surrogateescape" makes of a byte outside UTF-8.
_LONE_BYTE = re.compile("[\udc80-\udcff]")
_VERSION = {"ext_authz": "v3", "encoding": "protojson"}


def policy_input(check: CheckRequest, request: GatedRequest) -> dict[str, object]:
    """Return the value of `input` for one check.

    Raises BadRequest when path, query or body can't be parsed: a policy must not judge half of a request.
    """
    target = check.attributes.request.http.path
    body, truncated = parsed_body(request)
    document: dict[str, object] = {
        "version": _VERSION,
        "attributes": _attributes(check.attributes),
        "parsed_path": parsed_path(target),
        "parsed_query": parsed_query(target),
        "parsed_body": body,
        "truncated_body": truncated,
    }
    if request.source_principal:
        document["source_principal"] = request.source_principal
    return document


def _attributes(attributes: AttributeContext) -> dict[str, object]:
    """Every attribute that is set, with protobuf's JSON names (lowerCamelCase)."""
    document: dict[str, object] = {"request": _request(attributes.request)}
    if attributes.HasField("source"):
        document["source"] = _peer(attributes.source)
    if attributes.HasField("destination"):
        document["destination"] = _peer(attributes.destination)
    if attributes.context_extensions:
        document["contextExtensions"] = dict(attributes.context_extensions)
    if attributes.HasField("metadata_context"):
        document["metadataContext"] = _metadata(attributes.metadata_context)
    if attributes.HasField("route_metadata_context"):
        document["routeMetadataContext"] = _metadata(attributes.route_metadata_context)
    if attributes.HasField("tls_session"):
        document["tlsSession"] = {"sni": attributes.tls_session.sni} if attributes.tls_session.sni else {}
    return document


def _request(request: AttributeContext.Request) -> dict[str, object]:
    document: dict[str, object] = {"http": _http(request.http)}
    if request.HasField("time"):
        # The plugin's form, as policies see it, although its documentation promises RFC 3339.
        document["time"] = {"seconds": request.time.seconds, "nanos": request.time.nanos}
    return document


def _http(http: AttributeContext.HttpRequest) -> dict[str, object]:
    document: dict[str, object] = {"headers": _joined_headers(http)}
    document |= _set(
        id=http.id,
        method=http.method,
        path=http.path,
        host=http.host,
        scheme=http.scheme,
        query=http.query,
        fragment=http.fragment,
        size=http.size,
        protocol=http.protocol,
        body=http.body,
    )
    if http.raw_body:
        document["rawBody"] = b64encode(http.raw_body).decode()
    if http.header_map.headers:
        document["headerMap"] = {
            "headers": [
                {"key": header.key, "rawValue": b64encode(header.raw_value or header.value.encode()).decode()}
                for header in http.header_map.headers
                if not carries_ticket(header.key)
            ]
        }
    return document


def _joined_headers(http: AttributeContext.HttpRequest) -> dict[str, str]:
    """The map of headers as Envoy joins it, also when Envoy sent raw ones: duplicates in one value, with commas."""
    if not http.header_map.headers:
        return {name: value for name, value in http.headers.items() if not carries_ticket(name)}
    joined: dict[str, str] = {}
    for name, value in header_list(http):
        if not carries_ticket(name):
            text = _shown(value)
            joined[name] = f"{joined[name]},{text}" if name in joined else text
    return joined


def _shown(value: bytes) -> str:
    """Decode a header as Envoy shows it in the plain map: each byte outside UTF-8 becomes `!` (measured)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _LONE_BYTE.sub("!", value.decode("utf-8", "surrogateescape"))


def _peer(peer: AttributeContext.Peer) -> dict[str, object]:
    document = _set(service=peer.service, principal=peer.principal, certificate=peer.certificate)
    if peer.HasField("address"):
        document["address"] = _address(peer.address)
    if peer.labels:
        document["labels"] = dict(peer.labels)
    return document


def _address(address: Address) -> dict[str, object]:
    match address.WhichOneof("address"):
        case "socket_address":
            socket = address.socket_address
            return {
                "socketAddress": _set(
                    protocol=int(socket.protocol),
                    address=socket.address,
                    portValue=socket.port_value,
                    namedPort=socket.named_port,
                    resolverName=socket.resolver_name,
                    ipv4Compat=socket.ipv4_compat,
                )
            }
        case "pipe":
            return {"pipe": {"path": address.pipe.path}}
        case "envoy_internal_address":
            return {
                "envoyInternalAddress": {
                    "serverListenerName": address.envoy_internal_address.server_listener_name,
                    "endpointId": address.envoy_internal_address.endpoint_id,
                }
            }
        case _:
            return {}


def _metadata(metadata: Metadata) -> dict[str, object]:
    document: dict[str, object] = {}
    if metadata.filter_metadata:
        document["filterMetadata"] = {name: plain(value) for name, value in metadata.filter_metadata.items()}
    if metadata.typed_filter_metadata:
        document["typedFilterMetadata"] = {
            name: {"typeUrl": value.type_url, "value": b64encode(value.value).decode()}
            for name, value in metadata.typed_filter_metadata.items()
        }
    return document


def _set(**fields: object) -> dict[str, object]:
    """Return the fields that are set; protobuf JSON leaves the others out."""
    return {name: value for name, value in fields.items() if value}
