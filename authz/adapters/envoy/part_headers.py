"""The header of one part of a multipart body, as Go's net/textproto reads it."""

from __future__ import annotations

import re
from typing import NoReturn

from authz.domain.errors import BadRequest

# A space is taken in a name, and makes it another name than the one without.
_FIELD = re.compile(rb"([0-9A-Za-z!#$%&'*+.^_`|~ -]+):([\t\x20-\x7e\x80-\xff]*)")
_BLANK = b" \t"
_MAX_FIELDS = 10_000


class PartHeaders:
    """What stands before the body of a part. `end` is where that body begins, None where the text ends before it."""

    def __init__(self, data: bytes, start: int) -> None:
        """Read from `start`. Raises BadRequest on a line that is no field."""
        self._fields: dict[bytes, bytes] = {}
        self.end: int | None = None
        if data[start : start + 1] in {b" ", b"\t"}:
            _refuse()
        count = 0
        position: int | None = start
        while position is not None and position < len(data):
            line, position = _line(data, position)
            if not line:
                self.end = len(data) if position is None else position
                return
            if b":" not in line:
                _refuse()  # also where the next line, folded onto it, has a colon
            text = [line.strip(_BLANK)]
            while position is not None and data[position : position + 1] in {b" ", b"\t"}:
                folded, position = _line(data, position)
                text.append(folded.strip(_BLANK))
            count += 1
            self._add(b" ".join(text), count)

    def first(self, name: bytes) -> bytes:
        """Return the first value of the field (its name in lower case), empty where there is none."""
        return self._fields.get(name, b"")

    def _add(self, text: bytes, count: int) -> None:
        field = _FIELD.fullmatch(text)
        if field is None or count > _MAX_FIELDS:
            _refuse()
        self._fields.setdefault(field[1].lower(), field[2].lstrip(_BLANK))


def _line(data: bytes, start: int) -> tuple[bytes, int | None]:
    """Return the line without its end, and where the next one begins: None where this one had no end."""
    newline = data.find(b"\n", start)
    if newline < 0:
        return data[start:], None
    return data[start:newline].removesuffix(b"\r"), newline + 1


def _refuse() -> NoReturn:
    msg = "a part of the multipart body has a header that can't be read"
    raise BadRequest(msg)
