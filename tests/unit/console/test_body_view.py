from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain.ticket import State, Ticket
from authz.entrypoints.console.body_view import BodyKind, BodyView, body_view, hex_rows
from authz.entrypoints.console.json_layout import DEPTH_MAX, lay_out
from tests.unit.console.world import draft

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def viewed(body: bytes, kept: bytes | None) -> BodyView:
    return body_view(Ticket(draft(body=body), 1, State.PENDING, 0, 1), kept)


def test_json_is_laid_out_with_its_tokens_as_sent() -> None:
    layout = lay_out('{"a":1.0000000000000000001,"b":[1e400,"\\u202e",{}],"c":[]}')
    assert layout is not None
    assert layout.text == (
        '{\n  "a": 1.0000000000000000001,\n  "b": [\n    1e400,\n    "\\u202e",\n    {}\n  ],\n  "c": []\n}'
    )


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_the_layout_means_what_the_text_means(value: object) -> None:
    layout = lay_out(json.dumps(value))
    assert layout is not None
    assert json.loads(layout.text) == value


def test_a_name_given_twice_is_pointed_out() -> None:
    layout = lay_out('{"amount": 1, "x": {"amount": 2, "amount": 3}, "amount": 9}')
    assert layout is not None
    assert layout.repeated == ("amount",)
    assert layout.text.count('"amount"') == 4


@pytest.mark.parametrize(
    "text", ["", "1", '"a"', "[1,]", "{", "[NaN]", "\ufeff[]", "[" * 100_000, "[" * 65 + "]" * 65, '["\\']
)
def test_what_is_no_json_container_is_not_laid_out(text: str) -> None:
    assert lay_out(text) is None


def test_the_deepest_that_is_laid_out() -> None:
    assert lay_out("[" * DEPTH_MAX + "]" * DEPTH_MAX) is not None


def test_a_whole_body_has_the_digest_that_sha256sum_prints() -> None:
    view = viewed(b'{"a":1}', b'{"a":1}')
    assert (view.kind, view.shown, view.size, view.missing) == (BodyKind.JSON, 7, 7, 0)
    assert view.digest == sha256(b'{"a":1}').hexdigest()


def test_a_cut_body_says_how_much_is_missing_and_keeps_the_fingerprints_digest() -> None:
    view = viewed(b'{"a":"' + b"x" * 100 + b'"}', b'{"a":"xxxx')
    assert (view.kind, view.shown, view.missing, view.digest) == (BodyKind.TEXT, 10, 98, "")
    assert len(view.part_digest) == 64


def test_a_cut_inside_a_character_counts_its_bytes_as_not_shown() -> None:
    body = "aé€".encode()
    view = viewed(body, body[:-1])
    assert (view.text, view.shown, view.missing) == ("aé", 3, 3)


def test_half_a_character_at_the_true_end_is_not_text() -> None:
    half = "aé".encode()[:-1]
    assert viewed(half, half).kind is BodyKind.BINARY


def test_a_body_that_is_kept_no_more_has_only_its_size_and_digest() -> None:
    view = viewed(b'{"a":1}', None)
    assert (view.kind, view.kept, view.shown, view.size, view.digest) == (BodyKind.NONE, False, 0, 7, "")
    assert len(view.part_digest) == 64


def test_bytes_are_shown_as_hex_up_to_a_bound() -> None:
    body = b"\x89PNG" + b"\xff" * 5000
    view = viewed(body, body)
    assert (view.kind, view.shown, view.missing) == (BodyKind.BINARY, 1024, 3980)
    assert view.text.startswith("00000000  89 50 4e 47 ff")
    assert hex_rows(b"A\x00") == "00000000  41 00" + " " * 42 + "  A."


def test_a_body_that_cannot_be_read_quickly_is_still_read_quickly() -> None:
    """An unterminated string made of escapes would take a token pattern quadratic time."""
    assert lay_out('["' + '\\"' * 200_000) is None
