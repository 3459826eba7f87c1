"""`parsed_body` and `truncated_body`: the body as policies see it.

Which kind a body is depends on its content type alone. Doubled ones are judged as Envoy's plain map joins them,
whichever way they came, and case makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from authz.adapters.envoy.form_body import parse_pairs
from authz.adapters.envoy.go_json import is_json
from authz.adapters.envoy.grpc_body import GrpcBodies
from authz.adapters.envoy.multipart_body import parse_multipart
from authz.domain.errors import BadRequest
from authz.domain.request import GatedRequest

# strconv.ParseInt; behind any number of zeros, 19 digits hold 64 bits.
_LENGTH = re.compile(rb"([+-]?)0*([0-9]{1,19})")
_MIN, _MAX = -(2**63), 2**63 - 1


class BodyParser:
    """Parses JSON, forms, multipart forms and, with descriptors, gRPC messages."""

    def __init__(self, grpc: GrpcBodies | None = None) -> None:
        """`grpc` comes from HOLDGATE_PROTO_DESCRIPTOR; without it no gRPC body is parsed."""
        self._grpc = grpc

    def parse(self, request: GatedRequest, path: list[str]) -> tuple[object, bool]:
        """Return the parsed body, None where there is none or of another kind, and whether Envoy cut it.

        `path` is `parsed_path`. A valid JSON body is passed on as its own bytes, so that OPA reads exactly the
        numbers and strings that were sent. Raises BadRequest when a body isn't what it calls itself.
        """
        if request.partial:
            return None, True
        if not request.body:
            return None, False
        header = b",".join(request.values("content-type"))
        kind = header.lower()
        if b"application/json" not in kind and b"application/grpc" in kind:
            # Sent as text (no pack_as_bytes), a message has lost bytes.
            return self._grpc.parse(request.body, path) if self._grpc and request.raw_body else (None, False)
        parse = next((parse for name, parse in _KINDS.items() if name in kind), None)
        if parse is None:
            return None, False
        if _cut(request):
            return None, True
        return parse(request.body, header), False


def _json(body: bytes, _header: bytes) -> object:
    if not is_json(body):
        msg = "the body calls itself application/json and is not"
        raise BadRequest(msg)
    return orjson.Fragment(body)


def _form(body: bytes, _header: bytes) -> object:
    return parse_pairs(body, "form")


def _multipart(body: bytes, header: bytes) -> object:
    return parse_multipart(body, header.decode("utf-8", "surrogateescape"))


# In this order: a header that names two kinds is of the first.
_KINDS: dict[bytes, Callable[[bytes, bytes], object]] = {
    b"application/json": _json,
    b"application/x-www-form-urlencoded": _form,
    b"multipart/form-data": _multipart,
}


def _cut(request: GatedRequest) -> bool:
    """Say whether content-length promises more than arrived. Raises BadRequest when it is no 64-bit number."""
    lengths = request.values("content-length")
    if not lengths:
        return False
    text = _LENGTH.fullmatch(b",".join(lengths))
    length = int(text[1] + text[2]) if text else _MAX + 1
    if not _MIN <= length <= _MAX:
        msg = "the content-length is not a number"
        raise BadRequest(msg)
    return length > len(request.body)
