"""Content types and dispositions with parameters, as RFC 2045, RFC 2231 and some browsers write them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.differential.chance import Chance

FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"
_MULTIPART = b"multipart/form-data"
_BASES: Sequence[bytes] = (
    *(_MULTIPART, _MULTIPART, b"multipart/form-data ", b"xmultipart/form-datax", b"multipart/form-data/x"),
    *(b"\xe2\x84\xaa/multipart/form-data", b"multipart/form-data\xc4\xb0", b"a multipart/form-data"),
    b"Multipart/Form-Data",
)
_OTHERS: Sequence[bytes] = (
    *(_MULTIPART, JSON, b"application/grpc+proto", b"multipart/form-data, application/json", b"text/plain"),
    *(b"", b"application/x-www-form-urlencoded,multipart/form-data", b"Application/JSON", b"text/json"),
    *(b"application/problem+json", b"APPLICATION/X-WWW-FORM-URLENCODED"),
)
_NAMES: Sequence[bytes] = (
    *(b"boundary", b"Boundary", b"boundary*", b"boundary*0", b"boundary*1", b"boundary*0*", b"boundary*1*"),
    *(b"charset", b"name", b"name", b"filename", b"name*", b"a b", b"", b"na\xc3\xa9me", b"NAME"),
    *(b"name*0", b"name*1*", b"name*2"),
)
_VALUES: Sequence[bytes] = (
    *(b"X", b'"X"', b'""', b"", b'"a\\"b"', b'"a\\b"', b'"C:\\dir\\f"', b'"a', b"a b", b"utf-8''X"),
    *(b"UTF-8'en'a%20b", b"us-ascii''%ff", b"iso-8859-1''X", b"utf-8'X", b"utf-8''%zz", b"\xc3\xa9"),
    *(b'"\xc3\xa9"', b'"a;b"', b'"a=b"', b"a/b", b'"a\tb"', b'"a\nb"', b"{x}", b"'x'", b"%41"),
    *(b'"\\\xc3\xa9"', b'"\\\\"', b'x"y"', b"utf-8''%e2%82", b"%ac"),
)
# strings.TrimSpace and str.strip don't take the same characters.
_SPACES: Sequence[bytes] = (*(b"", b" ", b"\t", b"\xc2\xa0", b"\xe3\x80\x80", b"\x0b", b"\xc2\x85", b"\x1c"),)
_PIECES: Sequence[bytes] = (b";", b'"', b"=", b" ", b"\\", b"\xc3\xa9", b"*", b"'", b"%", b"\t", b"\xff")
_NAMED: Sequence[bytes] = (
    *(b"a", b'"a"', b'"b"', b'"a"; filename="x.txt"', b'"\xff"', b'"\xc3\xa9"', b'"a\\"b"', b'""', b"a; a=b"),
)
_DISPOSITIONS: Sequence[bytes] = (
    *(b"form-data", b"form-data", b"Form-Data", b"attachment", b"form-data/x", b"", b"form-data x"),
)


def any_type(chance: Chance) -> bytes:
    """Return a content type of any kind, with any parameters."""
    return _parameters(chance, chance.choice(_OTHERS), b"X")


def multipart_type(chance: Chance, boundary: bytes) -> bytes:
    """Return a content type that, mostly, names this boundary."""
    usual = b"multipart/form-data; boundary="
    return chance.one_of(
        (
            (75, lambda: usual + chance.choice((boundary, b'"' + boundary + b'"'))),
            (
                10,
                lambda: chance.damaged(b"multipart/form-data; charset=utf-8; boundary=" + boundary, _PIECES),
            ),
            (15, lambda: _parameters(chance, chance.choice(_BASES), boundary)),
        )
    )


def disposition(chance: Chance) -> bytes:
    """Return a part's Content-Disposition."""
    return chance.one_of(
        (
            (60, lambda: b"form-data; name=" + chance.choice(_NAMED)),
            (20, lambda: chance.damaged(b'form-data; name="a"; filename="b"', _PIECES)),
            (20, lambda: _parameters(chance, chance.choice(_DISPOSITIONS), b"a")),
        )
    )


def _parameters(chance: Chance, base: bytes, wanted: bytes) -> bytes:
    text = base + _space(chance)
    for _ in range(chance.randint(0, 4)):
        value = chance.choice((*_VALUES, wanted, wanted, b'"' + wanted + b'"'))
        text += chance.mostly(b";", 0.4, (b"; ", b";;", b",", b"")) + _space(chance) + chance.choice(_NAMES)
        text += _space(chance) + chance.mostly(b"=", 0.2, (b"",)) + _space(chance) + value + _space(chance)
    return text + chance.mostly(b"", 0.5, (b";", b"; ", b";;"))


def _space(chance: Chance) -> bytes:
    return chance.choice(_SPACES) if chance.happens(0.2) else b""
