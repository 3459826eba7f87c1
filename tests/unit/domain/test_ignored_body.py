"""What may differ in a body, and that nothing else may."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain.ignored_body import without

TOKEN = ("/clientToken",)


@pytest.mark.parametrize(
    ("one", "other", "pointers"),
    [
        ('{"a":1,"clientToken":"x","b":2}', '{"clientToken":"y","a":1,"b":2}', TOKEN),
        ('{"a":1}', '{"clientToken":"y","a":1}', TOKEN),
        ('{"a": {"b": [1, {"c": 1}]}}', '{"a": {"b": [1, {"c": 2}]}}', ("/a/b/1/c",)),
        ('{"a": [1, 2]}', '{"a": [1, 3]}', ("/a/1",)),
        ('{"a": [1, 2]}', '{"a": [3, 2]}', ("/a/0",)),
        ('{"a": [{"b": 1}, 2]}', '{"a": [{"b": 2}, 2]}', ("/a/0/b",)),
        ('{"a": [1, {"b": 1}]}', '{"a": [1, {}]}', ("/a/1/b",)),
        ('{"a/b": 1}', '{"a/b": 2}', ("/a~1b",)),
        ('{"~1": 1}', '{"~1": 2}', ("/~01",)),
        ('{"a": "\\u00e9"}', '{"a": "é"}', TOKEN),
    ],
)
def test_what_is_named_may_differ(one: str, other: str, pointers: tuple[str, ...]) -> None:
    assert without(one.encode(), pointers) == without(other.encode(), pointers) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1}', '{"a":2}'),
        ('{"find":1,"drop":2}', '{"drop":2,"find":1}'),
        ('{"a":1}', '{"a":"1"}'),
        ('{"a":1}', '{"a":1.0}'),
        ('{"a":9007199254740993}', '{"a":9007199254740992}'),
        ('{"a":1e400}', '{"a":1e401}'),
        ('{"a":0}', '{"a":-0}'),
        ('{"a":null}', '{"a":"null"}'),
        ('{"a":null}', '{"a":"None"}'),
        ('{"a":true}', '{"a":"True"}'),
        ('{"a":[1]}', '{"a":[2]}'),
        ('{"a":[{"b":1}]}', '{"a":[{"b":2}]}'),
        ('{"a":"n1"}', '{"a":1}'),
        ('{"a":[1]}', '{"a":[1,2]}'),
        ('{"a":[]}', '{"a":{}}'),
        ('{"b":{"clientToken":"x"}}', '{"b":{"clientToken":"y"}}'),
        ('{"a":[1]}', '{"a":[1],"b":0}'),
    ],
)
def test_anything_else_may_not(one: str, other: str) -> None:
    assert without(one.encode(), TOKEN) != without(other.encode(), TOKEN)


@pytest.mark.parametrize(
    "body",
    [b"", b"text", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000, b'\xef\xbb\xbf{"a":1}'],
    ids=["empty", "text", "broken", "doubled", "nan", "bytes", "deep", "mark"],
)
def test_what_two_parsers_could_read_in_two_ways_has_no_rest(body: bytes) -> None:
    """It is bound whole, byte by byte."""
    assert without(body, TOKEN) is None


@pytest.mark.parametrize(
    "pointer",
    [
        "/a/-",
        "/a/01",
        "/a/00",
        "/a/x",
        "/a/1",
        "/a/0/b",
        "/a/1/b",
        "/a/2/b",
        "/x/y",
        "/x/0",
        "/a/99999999999999999999",
    ],
)
def test_a_pointer_to_nothing_leaves_all(pointer: str) -> None:
    assert without(b'{"a":[1]}', (pointer,)) == without(b'{"a":[1]}', TOKEN)


_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_DOCUMENTS, _DOCUMENTS)
def test_two_documents_are_alike_only_if_they_are_equal(one: object, other: object) -> None:
    def written(document: object) -> bytes | None:
        return without(json.dumps(document).encode(), ("/nothing-there",))

    assert (written(one) == written(other)) is (json.dumps(one) == json.dumps(other))


def test_the_spelling_stays_as_it_is() -> None:
    """Tickets are stored with its digest: another spelling in a later release would change their requests."""
    body = b'{ "b": [1, "x", null, true, 2.50], "a": {"gone": 1}, "list": [7, 8], "c": "\\u00e9" }'
    assert without(body, ("/a/gone", "/list/1")) == (
        b'{"b":["n1","sx",null,true,"n2.50"],"a":{},"list":["n7","signored"],"c":"s\\u00e9"}'
    )
