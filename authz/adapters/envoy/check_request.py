"""From Envoy's CheckRequest to a GatedRequest, nothing decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.struct_pb2 import Struct, Value

from authz.domain.errors import RouteMisconfigured
from authz.domain.request import CheckId, GatedRequest
from authz.wire.ext_authz_pb2 import Address, CheckRequest

PARTIAL_BODY = "x-envoy-auth-partial-body"
BODY_LIMIT_EXTENSION = "holdgate_body_limit"
_BODY_LIMIT_DIGITS = 10
_EXACT_MAX = 2**53


@dataclass(frozen=True, slots=True)
class EnvoyRequest(GatedRequest):
    """With every line of `header_map` as it came: name, text value, raw value. Both readers of a check need them.

    Reading a field of a protobuf message costs more than what is made of it, and there are three for each header.
    """

    lines: tuple[tuple[str, str, bytes], ...] = ()


def gated_request(check: CheckRequest, default_body_limit: int) -> EnvoyRequest:
    """Read one CheckRequest.

    Envoy's network filter sends connections, with nothing of HTTP in them: method and path are empty then.
    Raises RouteMisconfigured when the route's `holdgate_body_limit` is no number.
    """
    attributes = check.attributes
    http = attributes.request.http
    path, mark, query = http.path.partition("?")
    time = attributes.request.time
    lines = tuple([(line.key, line.value, line.raw_value) for line in http.header_map.headers])
    headers = _header_list(lines, http.headers)
    partial = [value for name, value in headers if name == PARTIAL_BODY]
    return EnvoyRequest(
        check_id=CheckId(http.id, time.seconds * 1_000_000_000 + time.nanos),
        method=http.method,
        scheme=http.scheme,
        host=http.host,
        path=path,
        query=query if mark else None,
        protocol=http.protocol,
        headers=tuple([pair for pair in headers if pair[0][:1] != ":"]),
        raw_headers=len(lines) > 0,
        body=http.raw_body or http.body.encode(),
        raw_body=not http.body,
        partial=any(value != b"false" for value in partial) if partial else None,
        body_limit=_body_limit(attributes.context_extensions, default_body_limit),
        context_extensions=dict(attributes.context_extensions),
        source_address=address_text(attributes.source.address),
        source_principal=attributes.source.principal,
        claims=_Claims(attributes.metadata_context.filter_metadata),
        lines=lines,
    )


class _Claims(Mapping[str, object]):
    """Filter metadata as plain Python, each namespace when it is asked for: only holds and redemptions ask."""

    __slots__ = ("_metadata",)

    def __init__(self, metadata: Mapping[str, Struct]) -> None:
        self._metadata = metadata

    def __getitem__(self, namespace: str) -> dict[str, object]:
        # Not by subscription: a protobuf map would add an empty Struct for a namespace that isn't there.
        claims = self._metadata.get(namespace)
        if claims is None:
            raise KeyError(namespace)
        return plain(claims)

    def __iter__(self) -> Iterator[str]:
        return iter(self._metadata)

    def __len__(self) -> int:
        return len(self._metadata)


def _header_list(
    lines: Sequence[tuple[str, str, bytes]], joined: Mapping[str, str]
) -> list[tuple[str, bytes]]:
    """Return every header, pseudo-headers included, as lowercase name and raw value, in order.

    `header_map` (with `encode_raw_headers`) keeps duplicates apart; the plain map has them joined with commas.
    """
    if lines:
        return [(name.lower(), raw or text.encode()) for name, text, raw in lines]
    return [(name.lower(), text.encode()) for name, text in joined.items()]


def address_text(address: Address) -> str:
    """Return the IP address or pipe path of a peer, without its port."""
    return address.socket_address.address or address.pipe.path


def plain(struct: Struct) -> dict[str, object]:
    """Turn a Struct into plain Python. Whole numbers become int, as JSON readers expect to see them.

    Beyond 2**53 a double is no longer exact, and beyond 64 bits no JSON writer takes an int.
    """
    return {name: _value(value) for name, value in struct.fields.items()}


def _value(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT_MAX else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return plain(value.struct_value)
        case "list_value":
            return [_value(item) for item in value.list_value.values]
        case _:
            return None


def _body_limit(extensions: Mapping[str, str], default: int) -> int:
    text = extensions.get(BODY_LIMIT_EXTENSION)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _BODY_LIMIT_DIGITS:
        msg = f"context_extensions.{BODY_LIMIT_EXTENSION}: {text!r:.40} is not a number of bytes"
        raise RouteMisconfigured(msg)
    return int(text)
