"""multipart/form-data (RFC 7578), as Go's mime/multipart reads it; parts that call themselves JSON are parsed."""

from __future__ import annotations

from typing import NoReturn

import orjson

from authz.adapters.envoy.content_type import media_type
from authz.adapters.envoy.go_json import is_json
from authz.adapters.envoy.go_text import go_text
from authz.adapters.envoy.part_headers import PartHeaders
from authz.adapters.envoy.quoted_printable import decode_quoted_printable
from authz.domain.errors import BadRequest

# Go reads lines outside of parts through a buffer of this size; a longer one is an error.
_BUFFER = 4096
_BLANK = b" \t"


def parse_multipart(body: bytes, content_type: str) -> dict[str, list[object]] | None:
    """Return name → values of the named parts, in order; None where the content type names no boundary.

    Raises BadRequest when content type or body can't be read.
    """
    boundary = media_type(content_type)[1].get("boundary")
    if boundary is None:
        return None
    if not boundary:
        _refuse("its boundary is empty")
    values: dict[str, list[object]] = {}
    for headers, encoded in _Parts(body, boundary.encode("utf-8", "surrogateescape")).read():
        content = encoded
        if headers.first(b"content-transfer-encoding").lower() == b"quoted-printable":
            # Also where nobody asks for the part. What the plugin does then depends on how its read buffer falls.
            content = decode_quoted_printable(encoded)
        name = _form_name(headers)
        if name:
            values.setdefault(go_text(name), []).append(_value(headers, content))
    return values


def _form_name(headers: PartHeaders) -> bytes:
    disposition = headers.first(b"content-disposition").decode("utf-8", "surrogateescape")
    try:
        kind, parameters = media_type(disposition)
    except BadRequest:
        # A part whose disposition can't be read has no name, and parts without a name are passed over.
        return b""
    return parameters.get("name", "").encode("utf-8", "surrogateescape") if kind == "form-data" else b""


def _value(headers: PartHeaders, content: bytes) -> object:
    if b"application/json" not in headers.first(b"content-type").lower():
        return go_text(content)
    if not is_json(content):
        _refuse("a part calls itself application/json and is not")
    return orjson.Fragment(content)


class _Parts:
    """The parts between boundaries. Line ends are CR LF, or LF alone where the first boundary ends so."""

    def __init__(self, body: bytes, boundary: bytes) -> None:
        self._body = body
        self._dashes = b"--" + boundary
        self._end = b"\r\n"
        self._position = 0

    def read(self) -> list[tuple[PartHeaders, bytes]]:
        """Return each part's header and content. Raises BadRequest."""
        parts: list[tuple[PartHeaders, bytes]] = []
        separated = False
        while True:
            line = self._line()
            rest = line[len(self._dashes) :].lstrip(_BLANK) if line.startswith(self._dashes) else None
            if rest == b"\n" and not parts:
                self._end = b"\n"
            if rest == self._end:
                headers = PartHeaders(self._body, self._position)
                if headers.end is None:
                    return parts  # the plugin, too, takes the end of the body inside of a header for the end of all
                parts.append((headers, self._content(headers.end)))
                separated = False
            elif self._is_last(line):
                return parts
            elif not line.endswith(b"\n"):
                _refuse("it ends without a last boundary")
            elif parts:
                if separated or line != self._end:
                    _refuse("a boundary is not followed by a part")
                separated = True

    def _line(self) -> bytes:
        start = self._position
        newline = self._body.find(b"\n", start)
        self._position = len(self._body) if newline < 0 else newline + 1
        if self._position - start > _BUFFER:
            _refuse(f"a line outside of its parts is longer than {_BUFFER} bytes")
        return self._body[start : self._position]

    def _is_last(self, line: bytes) -> bool:
        last = self._dashes + b"--"
        return line.startswith(last) and line[len(last) :].lstrip(_BLANK) in {b"", self._end}

    def _content(self, start: int) -> bytes:
        """Return what stands before the next boundary, and go there."""
        if self._body.startswith(self._dashes, start) and self._ends(start + len(self._dashes)):
            self._position = start
            return b""
        boundary = self._end + self._dashes
        found = self._body.find(boundary, start)
        while found >= 0 and not self._ends(found + len(boundary)):
            found = self._body.find(boundary, found + len(boundary))
        if found < 0:
            _refuse("its last part has no end")
        self._position = found
        return self._body[start:found]

    def _ends(self, position: int) -> bool:
        """Say whether what ends here is a boundary, and not only begins like one."""
        behind = self._body[position : position + 2]
        return behind[:1] in {b"", b" ", b"\t", b"\r", b"\n"} or behind == b"--"


def _refuse(why: str) -> NoReturn:
    msg = f"the body calls itself multipart/form-data and can't be read: {why}"
    raise BadRequest(msg)
