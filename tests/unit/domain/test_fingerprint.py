from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain import fingerprint
from authz.domain.errors import BodyNotVisible, BytesHidden
from authz.domain.fingerprint import (
    ALWAYS_BOUND_HEADERS,
    Binding,
    Fingerprint,
    always_bound,
    changed_parts,
    take_fingerprint,
)
from authz.domain.identity import Identity
from authz.domain.request import GatedRequest
from tests.support.gated_requests import gated, with_headers

ALICE = Identity("https://idp.example", "alice-1")
PATH = "envoy/authz/allow"
BINDING = Binding(always_bound(["X-Tenant"]))
FIXED = {
    "body",
    "context_extensions",
    "decision_path",
    "host",
    "method",
    "path",
    "principal",
    "query",
    "scheme",
}
texts = st.text(st.characters(codec="utf-8"), max_size=20)
paths = texts.map(lambda text: "/" + text.replace("?", ""))
binaries = st.binary(max_size=30)


def take(request: GatedRequest, binding: Binding = BINDING) -> Fingerprint:
    return take_fingerprint(request, ALICE, PATH, binding)


def bare(**changes: Any) -> GatedRequest:  # noqa: ANN401 - any field
    return gated(**{"headers": (), "body": b"", "host": "api"} | changes)


def test_every_part_of_the_design_has_a_digest_of_its_own() -> None:
    """The list of design.md, neither more nor less, each a SHA-256."""
    parts = take(gated()).parts
    headers = {f"header:{name}" for name in (*ALWAYS_BOUND_HEADERS, "x-tenant")}
    assert parts.keys() == FIXED | headers
    assert all(len(digest) == 64 for digest in parts.values())
    assert {name for name in parts if name.startswith("header:")} >= {
        "header:content-type",
        "header:content-encoding",
        "header:content-range",
        "header:range",
        "header:if-match",
        "header:if-none-match",
        "header:destination",
        "header:depth",
        "header:overwrite",
        "header:x-http-method-override",
        "header:x-original-url",
        "header:x-rewrite-url",
        "header:x-forwarded-host",
        "header:x-forwarded-prefix",
    }


Change = Callable[[st.DataObject], tuple[GatedRequest, GatedRequest]]


def _two(data: st.DataObject, values: st.SearchStrategy[Any]) -> tuple[Any, Any]:
    first = data.draw(values)
    return first, data.draw(values.filter(lambda other: other != first))


def _field(name: str, values: st.SearchStrategy[Any]) -> Change:
    def change(data: st.DataObject) -> tuple[GatedRequest, GatedRequest]:
        one, other = _two(data, values)
        return bare(**{name: one}), bare(**{name: other})

    return change


def _header(name: str) -> Change:
    def change(data: st.DataObject) -> tuple[GatedRequest, GatedRequest]:
        one, other = _two(data, st.lists(binaries, max_size=3))
        return tuple(with_headers(bare(), *((name, value) for value in values)) for values in (one, other))  # type: ignore[return-value]

    return change


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("method", _field("method", texts.filter(lambda method: method != "CONNECT"))),  # that has no body
        ("scheme", _field("scheme", texts)),
        ("host", _field("host", texts)),
        ("path", _field("path", paths)),
        ("query", _field("query", st.none() | texts)),
        ("body", _field("body", binaries)),
        ("context_extensions", _field("context_extensions", st.dictionaries(texts, texts, max_size=3))),
        *(
            (f"header:{name}", _header(name))
            for name in ("content-type", "x-tenant", "x-forwarded-host", "range")
        ),
    ],
)
@given(data=st.data())
def test_a_change_of_a_part_changes_exactly_that_name(part: str, change: Change, data: st.DataObject) -> None:
    """Whatever the two values are, the 409 can name the part, and no other."""
    one, other = change(data)
    then, now = take(one), take(other)
    assert changed_parts(then, now) == (part,)
    assert then.digest != now.digest
    assert then.payload_digest != now.payload_digest


@given(first=st.tuples(texts, texts), second=st.tuples(texts, texts))
def test_another_principal_changes_the_ticket_but_not_what_is_shown(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    """What an approver looks at is the payload; whose it is stands beside it."""
    then, now = (take_fingerprint(gated(), Identity(*who), PATH, BINDING) for who in (first, second))
    assert changed_parts(then, now) == (() if first == second else ("principal",))
    assert then.payload_digest == now.payload_digest


def test_another_decision_path_is_another_request() -> None:
    """What one policy's rule held must not pass another's."""
    now = take_fingerprint(gated(), ALICE, "other/rule", BINDING)
    assert changed_parts(take(gated()), now) == ("decision_path",)


@pytest.mark.parametrize(
    "name", ["user-agent", "x-request-id", "authorization", "x-approval-ticket", "traceparent"]
)
def test_what_is_not_bound_may_differ(name: str) -> None:
    """A retry has another ticket header, trace and id."""
    assert take(with_headers(gated(), (name, b"1"))) == take(gated())


def test_an_equal_request_has_an_equal_digest() -> None:
    """Nothing of this process or moment goes into it."""
    assert take(gated()).digest == take(gated()).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a",), ()),
        (("",), ()),
        (("a", "b"), ("b", "a")),
        (("a", "a"), ("a",)),
        (("a,b",), ("a", "b")),
        (("ab", ""), ("a", "b")),
        (("a", ""), ("a",)),
        (("A",), ("a",)),
        (("a ",), ("a",)),
    ],
)
def test_presence_order_and_number_of_a_header_count(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Upstreams differ in which of two copies they obey."""
    requests = [
        bare(headers=tuple(("x-tenant", value.encode()) for value in values)) for values in (one, other)
    ]
    assert changed_parts(take(requests[0]), take(requests[1])) == ("header:x-tenant",)


def test_a_value_moved_to_another_bound_header_changes_both() -> None:
    """The name is in the digest."""
    one, other = bare(headers=(("range", b"x"),)), bare(headers=(("if-match", b"x"),))
    assert changed_parts(take(one), take(other)) == ("header:if-match", "header:range")


def test_no_query_and_an_empty_query_are_two_targets() -> None:
    """`/a` and `/a?` may be routed differently."""
    assert changed_parts(take(gated(query=None)), take(gated(query=""))) == ("query",)


@pytest.mark.parametrize(
    ("one", "other"), [("/a%2Fb", "/a/b"), ("/a", "//a"), ("/a/../b", "/b"), ("/%61", "/a")]
)
def test_nothing_is_decoded_before_hashing(one: str, other: str) -> None:
    """Two spellings are two paths, whatever an upstream makes of them."""
    assert changed_parts(take(gated(path=one)), take(gated(path=other))) == ("path",)


def test_control_with_decoded_paths_an_escaped_slash_is_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an upstream may keep apart would be one request."""
    exact = fingerprint._digest

    def decoding(*values: str | bytes) -> str:
        return exact(*(unquote(value) if isinstance(value, str) else value for value in values))

    monkeypatch.setattr(fingerprint, "_digest", decoding)
    assert changed_parts(take(gated(path="/a%2Fb")), take(gated(path="/a/b"))) == ()


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_no_two_lists_share_an_encoding(one: list[bytes], other: list[bytes]) -> None:
    """Length-prefixed: `ab`+`c` is not `a`+`bc`."""
    assert (fingerprint._digest(*one) == fingerprint._digest(*other)) == (one == other)


def test_without_length_prefixes_lists_would_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: plain concatenation takes a moved byte for the same request."""

    def concatenated(*values: str | bytes) -> str:
        return sha256(
            b"".join(value.encode() if isinstance(value, str) else value for value in values)
        ).hexdigest()

    monkeypatch.setattr(fingerprint, "_digest", concatenated)
    one, other = (bare(context_extensions=extensions) for extensions in ({"a": "bc"}, {"ab": "c"}))
    assert changed_parts(take(one), take(other)) == ()


def test_an_unbound_body_has_no_part_and_need_not_be_seen() -> None:
    """`bind: {body: false}` is for streams; every other part stays bound."""
    unseen = gated(body_limit=0)
    loose = Binding(BINDING.headers, body=False)
    assert "body" not in take(unseen, loose).parts
    assert take(unseen, loose) == take(gated(body=b"other"), loose)
    assert take(unseen, loose).binding == loose
    with pytest.raises(BodyNotVisible):
        take(unseen)


def test_a_part_that_only_one_has_differs() -> None:
    """A ticket that bound the body isn't met by a fingerprint without one."""
    loose = Binding(BINDING.headers, body=False)
    assert changed_parts(take(gated()), take(gated(), loose)) == ("body",)
    assert changed_parts(take(gated(), loose), take(gated())) == ("body",)


def test_the_binding_is_read_back_from_the_parts() -> None:
    """A redemption is compared with what the ticket was bound to, not with today's settings."""
    assert take(gated()).binding == BINDING


def test_what_may_hide_bytes_cannot_be_bound() -> None:
    """In the plain map the byte FF and `!` are one and the same (measured)."""
    lossy = replace(gated(), raw_headers=False)
    assert take(lossy).parts == take(gated()).parts
    with pytest.raises(BytesHidden, match=r"header:x-tenant contains '!'.*encode_raw_headers"):
        take(with_headers(lossy, ("x-tenant", b"a!b")))
    with pytest.raises(BytesHidden, match="host contains"):
        take(replace(lossy, host="a!b"))
    assert take(with_headers(gated(), ("x-tenant", b"a!b"))).parts
    assert take(with_headers(lossy, ("user-agent", b"a!b"))).parts


def test_raw_bytes_are_told_apart() -> None:
    """With encode_raw_headers a byte outside UTF-8 is what it is."""
    values = (b"!", b"\xff", b"\xfe")
    digests = {take(with_headers(gated(), ("x-tenant", value))).digest for value in values}
    assert len(digests) == len(values)


def test_an_error_names_no_value() -> None:
    """The operator's log gets the part's name."""
    lossy = with_headers(replace(gated(), raw_headers=False), ("x-tenant", b"secret!"))
    with pytest.raises(BytesHidden) as hidden:
        take(lossy)
    assert "secret" not in str(hidden.value)


IGNORING = Binding(frozenset({"content-type"}), ignores=("/clientToken",))


def typed(body: bytes, *kinds: bytes) -> GatedRequest:
    headers = tuple(("content-type", kind) for kind in kinds)
    return gated(body=body, headers=(*headers, ("content-length", b"%d" % len(body))))


def body_part(body: bytes, *kinds: bytes) -> str:
    return take_fingerprint(typed(body, *kinds), Identity("iss", "a"), "p", IGNORING).parts["body"]


@pytest.mark.parametrize(
    "kinds",
    [(b"application/json",), (b"Application/JSON; charset=UTF-8",), (b"application/merge-patch+json",)],
)
def test_what_may_differ_in_json_may(kinds: tuple[bytes, ...]) -> None:
    assert body_part(b'{"clientToken":"a","b":1}', *kinds) == body_part(b'{"clientToken":"x","b":1}', *kinds)


@pytest.mark.parametrize(
    "kinds",
    [
        (),
        (b"application/x-www-form-urlencoded",),
        (b"text/json",),
        (b"application/json; charset=utf-16",),
        (b"application/json", b"application/x-www-form-urlencoded"),
        (b"application/json, text/plain",),
    ],
)
def test_what_the_upstream_may_read_otherwise_may_not_differ(
    kinds: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form's reader finds fields in an ignored member; control: without the look at the type they are alike."""
    one, other = b'{"clientToken":"a"}', b'{"clientToken":"&amount=1000000&x="}'
    assert body_part(one, *kinds) != body_part(other, *kinds)
    monkeypatch.setattr(fingerprint, "_is_json", lambda _: True)
    assert body_part(one, *kinds) == body_part(other, *kinds)
