"""What exactly is digested: a ticket that one release held has to be redeemed by the next one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from authz.domain.fingerprint import Binding, take_fingerprint
from authz.domain.identity import Identity
from tests.support.gated_requests import gated, with_headers

ALICE = Identity("https://idp.example", "alice-1")
IGNORING = Binding(frozenset(), ignores=("/clientToken", "/note"))
JSON = b'{"clientToken": 7, "size": 3}'


def digested(*values: bytes) -> str:
    """Say it once more: how many values, then each with its length, numbers as eight bytes, the highest first."""
    told = len(values).to_bytes(8, "big") + b"".join(len(one).to_bytes(8, "big") + one for one in values)
    return sha256(told).hexdigest()


def parts_of(
    binding: Binding = IGNORING, *, body: bytes = JSON, kind: bytes = b"application/json"
) -> dict[str, str]:
    request = with_headers(
        gated(method="PUT", host="api.example", path="/a%2Fb/\udcff", query=None, body=body, headers=()),
        ("content-type", kind),
        ("x-tenant", b"blue"),
    )
    return dict(take_fingerprint(request, ALICE, "envoy/authz/allow", binding).parts)


def test_the_parts_are_digested_as_they_always_were() -> None:
    parts = parts_of(Binding(frozenset({"x-tenant"})))
    assert parts["principal"] == digested(b"https://idp.example", b"alice-1")
    assert parts["method"] == digested(b"PUT")
    assert parts["host"] == digested(b"api.example")
    assert parts["path"] == digested(b"/a%2Fb/\xff"), "a byte outside UTF-8 as it was sent"
    assert parts["query"] == digested()
    assert parts["decision_path"] == digested(b"envoy/authz/allow")
    assert parts["header:x-tenant"] == digested(b"x-tenant", b"blue")
    assert parts["body"] == digested(JSON)


def test_a_body_of_which_something_may_differ_is_digested_with_what_that_is() -> None:
    assert parts_of()["body"] == digested(b"json", b"/clientToken", b"/note", b'{"size":"n3"}')


def test_it_is_another_digest_where_something_else_may_differ() -> None:
    """Else an approval of the one would be an approval of the other."""
    assert parts_of()["body"] != parts_of(Binding(frozenset(), ignores=("/clientToken", "/other")))["body"]


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json",
        b"Application/JSON",
        b"application/vnd.api+json",
        b'application/json; charset="UTF-8"',
        b"application/json ; charset=utf-8",
    ],
)
def test_what_upstreams_read_as_json_may_differ_where_the_rule_says_so(kind: bytes) -> None:
    other = parts_of(body=JSON.replace(b"7", b"8"), kind=kind)
    assert other["body"] == parts_of(kind=kind)["body"]


@pytest.mark.parametrize(
    "kind", [b"text/json", b"application/x-www-form-urlencoded", b"application/json; charset=utf-16", b""]
)
def test_nothing_of_another_kind_may(kind: bytes) -> None:
    other = parts_of(body=JSON.replace(b"7", b"8"), kind=kind)
    assert other["body"] != parts_of(kind=kind)["body"]


@pytest.mark.parametrize("broken", [b'{"size": NaN}', b'{"size": 1, "size": 2}', b"[1", b"\xff"])
@pytest.mark.parametrize("changed", [lambda body: body + b" "])
def test_a_body_that_can_not_be_read_in_one_way_is_bound_as_it_is(
    broken: bytes, changed: Callable[[bytes], bytes]
) -> None:
    assert parts_of(body=broken)["body"] == digested(broken)
    assert parts_of(body=changed(broken))["body"] != digested(broken)
