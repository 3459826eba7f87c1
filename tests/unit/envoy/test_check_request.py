from __future__ import annotations

import pytest

from authz.adapters.envoy.check_request import gated_request, plain
from authz.domain.errors import RouteMisconfigured
from authz.domain.request import CheckId
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.support.check_requests import check_request
from tests.support.gated_requests import BODY, ISSUER, NAMESPACE

LIMIT = 65_536


@pytest.mark.parametrize("raw", [True, False])
def test_a_check_is_read_to_the_letter(*, raw: bool) -> None:
    """Every field, in both ways in which Envoy sends headers."""
    found = gated_request(check_request(("x-env", b"prod"), raw=raw), LIMIT)
    assert found.check_id == CheckId("1001", 1_800_000_000_000_000_005)
    assert (found.method, found.scheme, found.host, found.protocol) == (
        "DELETE",
        "https",
        "api.example",
        "HTTP/1.1",
    )
    assert (found.path, found.query) == ("/resources/db-orders", "force=true")
    assert sorted(found.headers) == [
        ("content-length", b"15"),
        ("content-type", b"application/json"),
        ("x-env", b"prod"),
    ]
    assert (found.raw_headers, found.body, found.raw_body, found.partial) == (raw, BODY, True, None)
    assert (found.body_limit, found.context_extensions) == (LIMIT, {})
    assert found.claims == {NAMESPACE: {"jwt": {"iss": ISSUER, "sub": "alice-1", "name": "alice"}}}


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", None),
        ("/?", "/", ""),
        ("/a?b?c", "/a", "b?c"),
        ("//admin/x", "//admin/x", None),  # CVE-2026-26205: as a URL this has no admin in it
        ("/a%3Fb", "/a%3Fb", None),
        ("/a%2Fb/../c;d", "/a%2Fb/../c;d", None),
        ("http://other/x?y", "http://other/x", "y"),
        ("*", "*", None),
    ],
)
def test_the_target_is_cut_and_never_read_as_a_url(target: str, path: str, query: str | None) -> None:
    """Raw halves around the first question mark."""
    found = gated_request(check_request(path=target), LIMIT)
    assert (found.path, found.query) == (path, query)


def test_raw_duplicates_stay_apart_and_plain_ones_are_joined() -> None:
    """A dictionary would keep only the last (CVE-2021-32777)."""
    lines = (("x-a", b"1"), ("x-b", b"2"), ("X-A", b"3"))
    assert gated_request(check_request(*lines), LIMIT).values("x-a") == (b"1", b"3")
    plainly = gated_request(check_request(("x-a", b"1"), ("x-a", b"3"), raw=False), LIMIT)
    assert plainly.values("x-a") == (b"1,3",)


def test_raw_bytes_are_kept() -> None:
    """Outside UTF-8, empty, and with blanks."""
    found = gated_request(check_request(("x-a", b"\xff\x00 "), ("x-a", b"")), LIMIT)
    assert found.values("x-a") == (b"\xff\x00 ", b"")


def test_a_header_map_with_text_values_is_read_too() -> None:
    """`value` is filled where there is no `raw_value`."""
    check = check_request()
    check.attributes.request.http.header_map.headers.add(key="x-a", value="\u00e9")
    assert gated_request(check, LIMIT).values("x-a") == ("\u00e9".encode(),)


@pytest.mark.parametrize(
    ("values", "partial"),
    [
        ([], None),
        ([b"false"], False),
        ([b"true"], True),
        ([b"True"], True),
        ([b""], True),
        ([b"false,false"], True),
        ([b"false", b"true"], True),
        ([b"false", b"false"], False),
    ],
)
def test_a_body_is_whole_only_where_envoy_says_exactly_that(
    values: list[bytes], *, partial: bool | None
) -> None:
    """Anything but `false` counts as cut."""
    lines = (("x-envoy-auth-partial-body", value) for value in values)
    assert gated_request(check_request(*lines), LIMIT).partial is partial


def test_a_body_sent_as_text_is_known_as_such() -> None:
    """Its bytes outside UTF-8 are lost."""
    check = check_request(body=b"")
    check.attributes.request.http.body = "\u00e9!"
    found = gated_request(check, LIMIT)
    assert (found.body, found.raw_body) == ("\u00e9!".encode(), False)


@pytest.mark.parametrize(("text", "limit"), [("0", 0), ("1024", 1024), ("0009", 9)])
def test_a_route_may_have_its_own_body_limit(text: str, limit: int) -> None:
    """From context_extensions, which clients can't reach."""
    check = check_request()
    check.attributes.context_extensions["holdgate_body_limit"] = text
    assert gated_request(check, LIMIT).body_limit == limit


@pytest.mark.parametrize("text", ["", "-1", "1k", " 1", "\u0661", "1" * 11])
def test_a_limit_that_is_no_number_is_the_operators_error(text: str) -> None:
    """Not the client's: it is told nothing of it."""
    check = check_request()
    check.attributes.context_extensions["holdgate_body_limit"] = text
    with pytest.raises(RouteMisconfigured, match="holdgate_body_limit"):
        gated_request(check, LIMIT)


def test_peers_are_read() -> None:
    """The address without its port, a pipe's path, the certificate's principal."""
    check = check_request()
    check.attributes.source.address.socket_address.address = "2001:db8::1"
    check.attributes.source.address.socket_address.port_value = 4711
    check.attributes.source.principal = "spiffe://prod/ci"
    found = gated_request(check, LIMIT)
    assert (found.source_address, found.source_principal) == ("2001:db8::1", "spiffe://prod/ci")
    check.attributes.source.address.pipe.path = "/run/client"
    assert gated_request(check, LIMIT).source_address == "/run/client"


def test_metadata_becomes_plain_values() -> None:
    """Whole numbers as JSON readers expect them, as far as a double is exact."""
    check = CheckRequest()
    struct = check.attributes.metadata_context.filter_metadata["x"]
    struct.update({"n": 3.0, "f": 1.5, "t": True, "s": "x", "l": [1, "a", None], "o": {"deep": {"er": -0.0}}})
    struct.fields["null"].null_value = 0  # type: ignore[assignment]
    struct.fields["unset"].SetInParent()
    struct.fields["big"].number_value = 1e300
    struct.fields["exact"].number_value = 2.0**53
    found = plain(struct)
    assert found == {
        "n": 3,
        "f": 1.5,
        "t": True,
        "s": "x",
        "l": [1, "a", None],
        "o": {"deep": {"er": 0}},
        "null": None,
        "unset": None,
        "big": 1e300,
        "exact": 2**53,
    }
    assert [type(found[name]) for name in ("n", "exact", "big")] == [int, int, float]


def test_asking_for_claims_that_are_not_there_leaves_the_check_as_it_came() -> None:
    """A protobuf map adds what it is asked for by subscription, and the policy would see an empty namespace."""
    check = check_request()
    before = check.SerializeToString(deterministic=True)
    claims = gated_request(check, LIMIT).claims
    assert NAMESPACE in claims
    assert "another" not in claims
    assert claims.get("another") is None
    with pytest.raises(KeyError, match="another"):
        claims["another"]
    assert check.SerializeToString(deterministic=True) == before


def test_control_subscription_adds_a_namespace() -> None:
    check = check_request()
    before = check.SerializeToString(deterministic=True)
    _ = check.attributes.metadata_context.filter_metadata["another"]
    assert check.SerializeToString(deterministic=True) != before
