"""A frozen body as the review page shows it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from authz.domain.ticket import FrozenRequest, Ticket
from authz.entrypoints.console.json_layout import lay_out

HEX_SHOWN = 1024
_HEX_ROW = 16


class BodyKind(StrEnum):
    """How a body is shown."""

    NONE = "none"
    JSON = "json"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class BodyView:
    """`shown` of `size` bytes stand in `text`.

    `digest` is the SHA-256 of the whole body, empty if not all of it is stored; `part_digest` is its part of
    the fingerprint. `checked` is False when the rule left the body open. `repeated` are JSON names that an
    object holds twice. `kept` is False when nothing is kept of it (any more).
    """

    kind: BodyKind
    text: str
    shown: int
    size: int
    checked: bool
    digest: str
    part_digest: str
    repeated: tuple[str, ...] = ()
    kept: bool = True

    @property
    def missing(self) -> int:
        """How many bytes the page doesn't show."""
        return self.size - self.shown


def body_view(ticket: Ticket, kept: bytes | None) -> BodyView:
    """Make the view of a ticket's body."""
    return shown_body(ticket.draft.request, kept, ticket.draft.fingerprint.parts.get("body", ""))


def shown_body(request: FrozenRequest, kept: bytes | None, part_digest: str = "") -> BodyView:
    """Make the view of a body: all that is kept of it (None: nothing), as JSON, as text, or as hex."""
    body = kept or b""
    kind, text, shown, repeated = _readable(body, whole=len(body) == request.body_size)
    return BodyView(
        kind=kind,
        text=text,
        shown=shown,
        size=request.body_size,
        checked=request.body_checked,
        digest=sha256(body).hexdigest() if len(body) == request.body_size else "",
        part_digest=part_digest,
        repeated=repeated,
        kept=kept is not None,
    )


def _readable(body: bytes, *, whole: bool) -> tuple[BodyKind, str, int, tuple[str, ...]]:
    if not body:
        return BodyKind.NONE, "", 0, ()
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        # A cut may fall inside a character: its first bytes then wait in the decoder and count as not shown.
        text = decoder.decode(body, final=whole)
    except UnicodeDecodeError:
        shown = body[:HEX_SHOWN]
        return BodyKind.BINARY, hex_rows(shown), len(shown), ()
    laid_out = lay_out(text) if whole else None
    if laid_out is not None:
        return BodyKind.JSON, laid_out.text, len(body), laid_out.repeated
    return BodyKind.TEXT, text, len(body) - len(decoder.getstate()[0]), ()


def hex_rows(data: bytes) -> str:
    """Return rows of offset, sixteen bytes in hex, and what of them is printable ASCII."""
    rows = []
    for start in range(0, len(data), _HEX_ROW):
        row = data[start : start + _HEX_ROW]
        printable = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - ASCII
        rows.append(f"{start:08x}  {row.hex(' '):<47}  {printable}")
    return "\n".join(rows)
