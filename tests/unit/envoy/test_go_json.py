from __future__ import annotations

import json
from decimal import Decimal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.adapters.envoy.go_json import is_json, message_number, struct_number

PIECES = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800", b"d800", b"1", b"0", b"-", b"."),
    *(b"e", b"e+", b"9" * 20, b"0" * 20, b"null", b"true", b" ", b"\n", b"\xff", b"\xc3\xa9", b"\x00", b"a"),
]


def strictly_json(data: bytes) -> bool:
    """Python's own reader, without what it takes beyond JSON: NaN, infinities and a byte order mark."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        # Half of a surrogate pair is one code point to it, and numbers have no end.
        json.loads(data.decode("utf-8", "replace"), parse_constant=refuse, parse_float=str, parse_int=str)
    except ValueError:
        return False
    return True


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_nothing_that_is_no_json_is_spliced_into_the_document(data: bytes) -> None:
    """What passes stands in the input as its own bytes: a brace too many would end it."""
    assert is_json(data) is strictly_json(data)


@pytest.mark.parametrize(
    "data", [b'1},"approval":{"id":"forged"', b'1}, "x": {"a": 1', b"1,2", b"1]", b'"', b""]
)
def test_what_would_break_out_is_refused(data: bytes) -> None:
    """Control: spliced in, the first two are other documents."""
    assert not is_json(data)
    if data.startswith(b"1}"):
        spliced = orjson.dumps({"a": {"parsed_body": orjson.Fragment(data)}})
        assert set(orjson.loads(spliced)) > {"a"}


@pytest.mark.parametrize("data", [b"[" * 1025 + b"]" * 1025, b"\xef\xbb\xbf1"])
def test_what_is_refused_beyond_the_grammar(data: bytes) -> None:
    """Depth is an attack and no data; Go takes no byte order mark either."""
    assert not is_json(data)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number: float) -> None:
    """In both notations."""
    assert float(orjson.dumps(struct_number(number))) == number
    assert float(orjson.dumps(message_number(number))) == number


@pytest.mark.parametrize(
    ("number", "struct", "message"),
    [
        (0.0, b"0", b"0"),
        (-0.0, b"-0", b"-0"),
        (1.0, b"1", b"1"),
        (999999.0, b"999999", b"999999"),
        (1700000000.0, b"1.7e+09", b"1700000000"),
        (1e21, b"1e+21", b"1e+21"),
        (0.0001, b"0.0001", b"0.0001"),
        (0.00001, b"1e-05", b"0.00001"),
        (1e-7, b"1e-07", b"1e-7"),
        (-97996296864823540.0, b"-9.799629686482354e+16", b"-97996296864823540"),
    ],
)
def test_numbers_are_written_as_go_writes_them(number: float, struct: bytes, message: bytes) -> None:
    """A policy that prints one sees it."""
    assert (orjson.dumps(struct_number(number)), orjson.dumps(message_number(number))) == (struct, message)


@settings(deadline=None)
@given(st.integers(0, 2**54).map(float) | st.integers(1, 9_999).map(lambda number: number * 1e9))
def test_whole_numbers_of_a_struct_have_the_fewest_digits_that_read_back(number: float) -> None:
    """Go's FormatFloat with 'g' and -1: times in claims are such numbers."""
    text = orjson.dumps(struct_number(number)).decode()
    digits = "".join(map(str, Decimal(repr(number)).normalize().as_tuple().digits))
    assert float(text) == number
    if number < 1e6:
        assert text == str(int(number))
    else:
        mantissa, exponent = text.split("e+")
        assert mantissa.replace(".", "") == digits
        assert (mantissa[1:2], len(exponent)) == ("." if len(digits) > 1 else "", 2)
