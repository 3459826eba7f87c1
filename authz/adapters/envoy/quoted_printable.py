"""Quoted-printable text (RFC 2045 section 6.7), as leniently as Go's mime/quotedprintable reads it."""

from __future__ import annotations

import re

from authz.domain.errors import BadRequest

_WHITE = b" \t\r\n"
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
# Bytes that must be escaped, and an `=` with nothing behind it. Another `=` that begins no escape is one itself.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|=(?=[\r\n]|\Z)")
# Go reads line by line through a buffer of this size; a longer line is an error.
_BUFFER = 4096


def decode_quoted_printable(data: bytes) -> bytes:
    """Decode a whole body. Raises BadRequest on what even the lenient reading refuses."""
    *lines, last = data.split(b"\n")
    decoded = [_decoded(line + b"\n") for line in lines]
    if last:
        decoded.append(_decoded(last))
    return b"".join(decoded)


def _decoded(line: bytes) -> bytes:
    """Decode one line: white space before its end goes, and so does a soft line break."""
    text = line.rstrip(_WHITE)
    end = line[len(text) :]
    if text.endswith(b"="):
        text = text[:-1]
        behind = end.lstrip(b" \t")
        # At the very end of the body a soft break needs no line end, if there is a line.
        soft = behind.startswith((b"\n", b"\r\n")) or (not behind and bool(text))
    else:
        soft = True
        text += b"\r\n" if end.endswith(b"\r\n") else end[-1:] if end.endswith(b"\n") else b""
    if not soft or len(line) > _BUFFER or _FORBIDDEN.search(text):
        msg = "a quoted-printable part of the body can't be decoded"
        raise BadRequest(msg)
    return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), text)
