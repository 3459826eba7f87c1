"""Bodies that are JSON, nearly JSON, or JSON to some readers."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.differential.chance import BYTES, Chance

_STRINGS: Sequence[bytes] = (
    *(b'""', b'"a"', b'"\\u0041"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\/"'),
    *(b'"\\ud800\\u0041"', b'"\\\\ud800"', b'"\\x"', b'"\\u12"', b'"\\uD8"', b'"\xff"', b'"\xe2\x82"'),
    *(b'"\xc3\xa9"', b'"\t"', b'"\x7f"', b'"\\u0000"', b'"\x00"', b"'a'", b'"\\\'"', b'"\\u1e445"'),
    *(b'"\\ud800\\"', b'"\xed\xa0\x80"', b'"\\ue000"', b'"\\u123456789012345678901"', b'"1e4444"'),
    *(b'"\\\\\\udfff"', b'"\xf4\x90\x80\x80"', b'"\xef\xbf\xbe"'),
)
_NUMBERS: Sequence[bytes] = (
    *(b"0", b"-0", b"1", b"-1", b"00", b"01", b"1.", b".5", b"1.5", b"1e5", b"1E+5", b"1e", b"1e400"),
    *(b"-1e400", b"1e-400", b"1e99999", b"0e999", b"9007199254740993", b"18446744073709551616"),
    *(b"1" * 310, b"1" * 40 + b"." + b"2" * 330, b"0." + b"0" * 330 + b"1", b"0" * 30, b"-", b"+1"),
    *(b"NaN", b"Infinity", b"-Infinity", b"0x10", b"1_0", b"1e+0000400", b"0.1e-00012", b"-0.0"),
    *(b"1e1000000", b"12345678901234567.0e300"),
)
_WORDS: Sequence[bytes] = (b"null", b"true", b"false", b"nul", b"True", b"nulll")
_BLANKS: Sequence[bytes] = (
    *(b"", b" ", b"\n", b"\t", b"\r"),
    *(b"\x0b", b"\x0c", b"\xc2\xa0", b"\x00", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
)
_VALID: Sequence[bytes] = (
    *(b"1", b'"a"', b"null", b"true", b"-0", b"1.50", b'"\\ud800"', b'"\xff"', b"1e400", b'"\xc3\xa9"'),
    *(b"1e2", b"100000000000000000000000000001", b'"\\u00e9"', b"0.1e-7"),
)
_NAMES: Sequence[bytes] = (b'"a"', b'"b"', b'"a"', b'"\\u0061"', b'"\\ud800"', b'""')
_PIECES: Sequence[bytes] = (
    *(b'"', b"\\", b",", b"{", b"}", b"[", b"]", b":", b"1", b"e", b".", b"-", b" ", b"\xef\xbb\xbf"),
    *(b"null", b"\\u", b"\\ud800", *BYTES),
)
_BEHIND: Sequence[bytes] = (
    *(b" ", b"x", b"}", b",", b":", b"1", b"{}", b"\n\n", b'"', b' "a"', b"\x00", b" []", b" null", b"null!"),
)
_DEPTHS: Sequence[int] = (5, 60, 1000, 1024, 1025, 1100, 9000)
_DEEPEST = 3


def json_text(chance: Chance) -> bytes:
    """Return a body for application/json."""
    return chance.one_of(
        (
            (40, lambda: _any(chance, 0)),
            (40, lambda: chance.damaged(valid_json(chance), _PIECES)),
            (14, lambda: valid_json(chance) + chance.choice(_BEHIND)),
            (5, lambda: chance.choice((b"", b" ", b"\n"))),
            (1, lambda: _nested(chance)),
        )
    )


def valid_json(chance: Chance, depth: int = 0) -> bytes:
    """Return JSON that nobody refuses, with names twice, halves of surrogates and long numbers."""
    way = chance.random()
    if depth > _DEEPEST or way < 0.4:
        return chance.choice(_VALID)
    items = [valid_json(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    if way < 0.7:
        return b"[" + b",".join(items) + b"]"
    return b"{" + b",".join(chance.choice(_NAMES) + b":" + item for item in items) + b"}"


def _any(chance: Chance, depth: int) -> bytes:
    way = chance.random()
    if depth > _DEEPEST or way < 0.3:
        value = chance.choice(_STRINGS if chance.happens(0.5) else _NUMBERS)
    elif way < 0.4:
        value = chance.choice(_WORDS)
    elif way < 0.7:
        comma = chance.mostly(b",", 0.3, (b";", b",,"))
        items = comma.join(_any(chance, depth + 1) for _ in range(chance.randint(0, 3)))
        value = b"[" + items + chance.mostly(b"", 0.2, (b",",)) + chance.mostly(b"]", 0.25, (b"}", b""))
    else:
        pairs = b",".join(_pair(chance, depth) for _ in range(chance.randint(0, 3)))
        value = b"{" + pairs + chance.mostly(b"", 0.2, (b",",)) + chance.mostly(b"}", 0.25, (b"]", b""))
    return _blank(chance) + value + _blank(chance)


def _pair(chance: Chance, depth: int) -> bytes:
    colon = chance.mostly(b":", 0.2, (b"=", b""))
    return chance.choice(_STRINGS) + _blank(chance) + colon + _any(chance, depth + 1)


def _blank(chance: Chance) -> bytes:
    return chance.choice(_BLANKS) if chance.happens(0.12) else chance.choice((b"", b"", b"", b" "))


def _nested(chance: Chance) -> bytes:
    depth = chance.choice(_DEPTHS)
    return b"[" * depth + b"1" + b"]" * chance.mostly(depth, 0.2, _DEPTHS)
