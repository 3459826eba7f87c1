"""Bodies of multipart/form-data: boundaries that nearly are, parts without names, quoted-printable, folded lines."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.differential.chance import BYTES, Chance
from tests.fuzz.differential.content_types import disposition
from tests.fuzz.differential.json_text import json_text, valid_json

BOUNDARIES: Sequence[bytes] = (b"X", b"X", b"X", b"ab-cd", b"--X", b"X.y")
_TYPES: Sequence[bytes] = (
    *(b"application/json", b"application/json; charset=utf-8", b"text/plain", b"x application/json"),
    *(b"application/problem+json", b"Application/JSON"),
)
_ENCODINGS: Sequence[bytes] = (
    *(b"quoted-printable", b"Quoted-Printable", b"base64", b"binary", b"quoted-printable "),
    b"quoted-printable;",
)
_DISPOSITION_NAMES: Sequence[bytes] = (
    *(b"Content-Disposition", b"content-disposition", b"CONTENT-DISPOSITION", b"Content-Disposition "),
)
_ODD_LINES: Sequence[bytes] = (
    *(b"X", b"X:", b": x", b" folded", b"A: b\r\n folded", b"A\x00: b", b"A: \x00", b"A: \xff", b"A b: c"),
    *(b"1: 2", b"-: x", b"A: b\r\n \t", b"A\r\n : b", b"A: b\r"),
)
_QUOTED_PRINTABLE: Sequence[bytes] = (
    *(b"a", b"=", b"=41", b"=4", b"=\r\n", b"=\n", b"= \n", b"\n", b"\r\n", b" ", b"\t", b"==", b"=zz"),
    *(b"\xff", b"\x00", b"\x7f", b"=\r", b"\r", b"=c3=A9", b"=\t\r\n", b"b"),
)
_BOUNDARY_LIKE: Sequence[bytes] = (
    *(b"a", b"\r\n", b"\n", b"-", b"--", b"--X", b"\r\n--X", b"\xff", b" ", b"X", b"\r", b"\r\n--Xy"),
    *(b"\n--X", b"\r\n--X-"),
)
_PIECES: Sequence[bytes] = (
    *(b"\r\n", b"\n", b"--X", b"--X--", b"\r", b"-", b":", b" ", b"\t", b";", b'"', b"\r\n--X\r\n", b"="),
    *BYTES,
)


def multipart(chance: Chance, boundary: bytes) -> bytes:
    """Return a body whose parts are, mostly, between lines of this boundary."""
    end = chance.mostly(b"\r\n", 0.15, (b"\n",))
    dashes = b"--" + boundary
    text = _preamble(chance, end)
    for _ in range(chance.randint(0, 3)):
        text += dashes + chance.mostly(b"", 0.4, (b" ", b"\t ", b"x", b"-")) + end + _part(chance, end) + end
    text += chance.mostly(
        dashes + b"--" + end,
        0.55,
        (
            *(dashes + b"--", b"", dashes, dashes + b"-- " + end, dashes + b"--x" + end),
            *(dashes + b"--" + end + b"epilogue", dashes + b"--" + end + dashes + end + b"\r\n"),
        ),
    )
    return chance.damaged(text, _PIECES) if chance.happens(0.35) else text


def _preamble(chance: Chance, end: bytes) -> bytes:
    # Go reads such lines through a buffer of 4,096 bytes.
    odd = (b"preamble" + end, end, b"--" + end, b"x" * 4_090 + end, b"x" * 4_095 + b"\n", b"x" * 5_000 + end)
    return chance.mostly(b"", 0.4, odd)


def _part(chance: Chance, end: bytes) -> bytes:
    lines = []
    if chance.happens(0.95):
        colon = chance.mostly(b": ", 0.5, (b":", b":\t "))
        lines.append(chance.choice(_DISPOSITION_NAMES) + colon + disposition(chance))
    if chance.happens(0.4):
        lines.append(chance.choice((b"Content-Type: ", b"content-type: ")) + chance.choice(_TYPES))
    if chance.happens(0.3):
        lines.append(b"Content-Transfer-Encoding: " + chance.choice(_ENCODINGS))
    if chance.happens(0.1):
        lines.append(chance.choice(_ODD_LINES))
    chance.shuffle(lines)
    head = end.join(lines) + (end if lines else b"")
    return head + chance.mostly(end, 0.03, (b"",)) + _content(chance)


def _content(chance: Chance) -> bytes:
    return chance.one_of(
        (
            (30, lambda: valid_json(chance)),
            (20, lambda: json_text(chance)),
            (30, lambda: chance.text(_QUOTED_PRINTABLE, 9)),
            (20, lambda: chance.text(_BOUNDARY_LIKE, 8)),
        )
    )
