"""The input document that OPA gets: the OPA Envoy plugin's, built by hand (MessageToDict takes eight times as long).

Names are protobuf JSON's, values are not: numbers of 64 bits and enums are numbers, an Any stays packed. What isn't
set is absent. The ticket header is left out everywhere: OPA logs its input.
"""

from __future__ import annotations

import math
from base64 import b64encode
from binascii import b2a_base64

from google.protobuf.struct_pb2 import Struct, Value

from authz.adapters.envoy.check_request import EnvoyRequest
from authz.adapters.envoy.go_json import struct_number
from authz.adapters.envoy.go_text import shown
from authz.adapters.envoy.request_body import BodyParser
from authz.adapters.envoy.request_target import parsed_path, parsed_query
from authz.domain.reserved_headers import TICKET, carries_ticket
from authz.wire.ext_authz_pb2 import (
    Address,
    AttributeContext,
    CheckRequest,
    Metadata,
    SocketAddress,
)

_TICKET_LENGTH = len(TICKET)
_VERSION = {"ext_authz": "v3", "encoding": "protojson"}
BODIES = BodyParser()


def policy_input(
    check: CheckRequest, request: EnvoyRequest, bodies: BodyParser | None = BODIES
) -> dict[str, object]:
    """Return the value of `input` for one check; with None for `bodies` the body isn't parsed.

    Raises BadRequest when path, query or body can't be parsed: a policy must not judge half of a request.
    """
    attributes = check.attributes
    target = attributes.request.http.path
    path = parsed_path(target)
    document: dict[str, object] = {
        "version": _VERSION,
        "parsed_path": path,
        "parsed_query": parsed_query(target) if "?" in target else {},
    }
    if check.HasField("attributes"):
        document["attributes"] = _attributes(attributes, request)
    if bodies is not None:
        document["parsed_body"], document["truncated_body"] = bodies.parse(request, path)
    if request.source_principal:
        document["source_principal"] = request.source_principal
    return document


def _attributes(attributes: AttributeContext, request: EnvoyRequest) -> dict[str, object]:
    document: dict[str, object] = {}
    if attributes.HasField("request"):
        document["request"] = _request(attributes.request, request)
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
        sni = attributes.tls_session.sni
        document["tlsSession"] = {"sni": sni} if sni else {}
    return document


def _request(seen: AttributeContext.Request, request: EnvoyRequest) -> dict[str, object]:
    document: dict[str, object] = {}
    if seen.HasField("http"):
        document["http"] = _http(seen.http, request)
    if seen.HasField("time"):
        # The plugin's form, as policies see it, although its documentation promises RFC 3339.
        document["time"] = _set(seconds=seen.time.seconds, nanos=seen.time.nanos)
    return document


def _http(http: AttributeContext.HttpRequest, request: EnvoyRequest) -> dict[str, object]:
    document = _set(
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
        document["rawBody"] = b64encode(http.raw_body).decode("ascii")
    headers, lines = _raw_headers(request) if request.raw_headers else (_plain_headers(http), [])
    if headers:
        document["headers"] = headers
    if lines:
        document["headerMap"] = {"headers": lines}
    elif http.HasField("header_map"):
        document["headerMap"] = {}
    return document


def _plain_headers(http: AttributeContext.HttpRequest) -> dict[str, str]:
    return {name: value for name, value in dict(http.headers).items() if not _holds_ticket(name)}


def _raw_headers(request: EnvoyRequest) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return the map as Envoy joins it, duplicates in one value with commas, and the lines one by one."""
    joined: dict[str, str] = {}
    lines: list[dict[str, str]] = []
    for key, text, raw in request.lines:
        if _holds_ticket(key):
            continue
        line = {"key": key} if key else {}
        if text:
            line["value"] = text
        if raw:
            line["rawValue"] = b2a_base64(raw, newline=False).decode("ascii")
        lines.append(line)
        name = key.lower()
        # Each byte outside UTF-8 becomes `!` in Envoy's plain map (measured).
        value = shown(raw, "!") if raw else text
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined, lines


def _holds_ticket(name: str) -> bool:
    # Nearly all names have another length, which costs less to see.
    return len(name) == _TICKET_LENGTH and carries_ticket(name)


def _peer(peer: AttributeContext.Peer) -> dict[str, object]:
    # Field by field, here and for sockets: both are in every request, and a loop would take twice as long.
    document: dict[str, object] = {}
    if peer.HasField("address"):
        document["address"] = _address(peer.address)
    if service := peer.service:
        document["service"] = service
    if principal := peer.principal:
        document["principal"] = principal
    if certificate := peer.certificate:
        document["certificate"] = certificate
    if labels := peer.labels:
        document["labels"] = dict(labels)
    return document


def _address(address: Address) -> dict[str, object]:
    match address.WhichOneof("address"):
        case "socket_address":
            return {"socketAddress": _socket(address.socket_address)}
        case "pipe":
            return {"pipe": _set(path=address.pipe.path, mode=address.pipe.mode)}
        case "envoy_internal_address":
            internal = address.envoy_internal_address
            document = _set(endpointId=internal.endpoint_id)
            if internal.HasField("server_listener_name"):
                document["serverListenerName"] = internal.server_listener_name
            return {"envoyInternalAddress": document}
        case _:
            return {}


def _socket(socket: SocketAddress) -> dict[str, object]:
    document: dict[str, object] = {}
    if protocol := socket.protocol:
        document["protocol"] = protocol
    if address := socket.address:
        document["address"] = address
    if resolver := socket.resolver_name:
        document["resolverName"] = resolver
    if socket.ipv4_compat:
        document["ipv4Compat"] = True
    if namespace := socket.network_namespace_filepath:
        document["networkNamespaceFilepath"] = namespace
    # A member of a oneof is there as soon as it was set, port 0 too.
    match socket.WhichOneof("port_specifier"):
        case "port_value":
            document["portValue"] = socket.port_value
        case "named_port":
            document["namedPort"] = socket.named_port
        case _:
            pass
    return document


def _metadata(metadata: Metadata) -> dict[str, object]:
    document: dict[str, object] = {}
    if metadata.filter_metadata:
        document["filterMetadata"] = {
            name: _struct(struct) for name, struct in metadata.filter_metadata.items()
        }
    if metadata.typed_filter_metadata:
        document["typedFilterMetadata"] = {
            name: _set(typeUrl=packed.type_url, value=b64encode(packed.value).decode("ascii"))
            for name, packed in metadata.typed_filter_metadata.items()
        }
    return document


def _struct(struct: Struct) -> dict[str, object]:
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _struct(value.struct_value)
        case "list_value":
            return [_value(item) for item in value.list_value.values]
        case _:
            return None


def _number(number: float) -> object:
    if math.isfinite(number):
        return struct_number(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _set(**fields: object) -> dict[str, object]:
    """Return the fields that are set."""
    return {name: value for name, value in fields.items() if value}
