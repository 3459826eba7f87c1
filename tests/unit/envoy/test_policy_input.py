"""The input document that policies written for the OPA Envoy plugin expect."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
import pytest

from authz.adapters.envoy.check_request import gated_request
from authz.adapters.envoy.policy_input import policy_input
from authz.domain.errors import BadRequest
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.support.check_requests import HEADERS, check_request, joined
from tests.support.gated_requests import BODY, ISSUER, NAMESPACE

TOKEN = "hg1.k1.0-abc.s3cret"


def read(check: CheckRequest) -> Any:  # noqa: ANN401 - JSON
    """Return the document as OPA reads it."""
    return orjson.loads(orjson.dumps(policy_input(check, gated_request(check, 65_536))))


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize("raw", [True, False])
def test_the_document_is_the_plugins(*, raw: bool) -> None:
    """The whole of it; with raw headers `headers` is filled as well, and `headerMap` is there besides."""
    http = {
        "headers": joined(HEADERS),
        "id": "1001",
        "method": "DELETE",
        "path": "/resources/db-orders?force=true",
        "host": "api.example",
        "scheme": "https",
        "size": len(BODY),
        "protocol": "HTTP/1.1",
        "rawBody": encoded(BODY),
    }
    if raw:
        lines = [{"key": name, "rawValue": encoded(value)} for name, value in HEADERS]
        http["headerMap"] = {"headers": lines}
    jwt = {"iss": ISSUER, "sub": "alice-1", "name": "alice"}
    assert read(check_request(raw=raw)) == {
        "version": {"ext_authz": "v3", "encoding": "protojson"},
        "attributes": {
            "request": {"http": http, "time": {"seconds": 1_800_000_000, "nanos": 5}},
            "metadataContext": {"filterMetadata": {NAMESPACE: {"jwt": jwt}}},
        },
        "parsed_path": ["resources", "db-orders"],
        "parsed_query": {"force": ["true"]},
        "parsed_body": {"force": True},
        "truncated_body": False,
    }


def test_every_other_attribute_has_protobufs_json_name() -> None:
    """lowerCamelCase, oneofs flattened, numbers and enums as numbers, `Any` packed, nothing that is unset."""
    check = check_request()
    attributes = check.attributes
    source, destination = attributes.source, attributes.destination
    source.principal, source.service, source.certificate = "spiffe://prod/ci", "ci", "-----BEGIN"
    source.labels["a"] = "b"
    source.address.socket_address.address, source.address.socket_address.port_value = "192.0.2.1", 4711
    source.address.socket_address.protocol = 1  # type: ignore[assignment]
    destination.address.pipe.path = "/run/up"
    attributes.context_extensions["route"] = "held"
    attributes.tls_session.sni = "api.example"
    attributes.route_metadata_context.filter_metadata["r"].update({"n": 1})
    packed = attributes.metadata_context.typed_filter_metadata["typed"]
    packed.type_url, packed.value = "type.googleapis.com/x", b"\x01"
    document = read(check)
    assert document["source_principal"] == "spiffe://prod/ci"
    found = document["attributes"]
    assert found["source"] == {
        "service": "ci",
        "principal": "spiffe://prod/ci",
        "certificate": "-----BEGIN",
        "labels": {"a": "b"},
        "address": {"socketAddress": {"protocol": 1, "address": "192.0.2.1", "portValue": 4711}},
    }
    assert found["destination"] == {"address": {"pipe": {"path": "/run/up"}}}
    assert found["contextExtensions"] == {"route": "held"}
    assert found["tlsSession"] == {"sni": "api.example"}
    assert found["routeMetadataContext"] == {"filterMetadata": {"r": {"n": 1}}}
    assert found["metadataContext"]["typedFilterMetadata"] == {
        "typed": {"typeUrl": "type.googleapis.com/x", "value": "AQ=="}
    }


def test_an_internal_address_and_an_empty_one() -> None:
    """Set but empty is an empty object; the other oneof has a name of its own."""
    check = check_request()
    check.attributes.source.address.envoy_internal_address.server_listener_name = "inner"
    check.attributes.destination.address.SetInParent()
    check.attributes.tls_session.SetInParent()
    found = read(check)["attributes"]
    assert found["source"]["address"] == {"envoyInternalAddress": {"serverListenerName": "inner"}}
    assert (found["destination"], found["tlsSession"]) == ({"address": {}}, {})


@pytest.mark.parametrize(
    "name", ["x-approval-ticket", "X-Approval-Ticket", "x_approval_ticket", "X-APPROVAL_TICKET"]
)
@pytest.mark.parametrize("raw", [True, False])
def test_the_ticket_is_nowhere_in_the_input(name: str, *, raw: bool) -> None:
    """OPA logs its input; not in the map, not in the list, not encoded."""
    check = check_request((name, TOKEN.encode()), (name, b"second " + TOKEN.encode()), raw=raw)
    text = orjson.dumps(policy_input(check, gated_request(check, 65_536))).decode()
    assert "s3cret" not in text
    assert encoded(TOKEN.encode()) not in text
    assert name.lower() not in text.lower()
    assert read(check) == read(check_request(raw=raw))


def test_raw_headers_are_joined_and_shown_as_envoy_shows_them() -> None:
    """Duplicates with commas; each byte outside UTF-8 as an exclamation mark (measured)."""
    check = check_request(("x-a", b"1"), ("x-a", b"2"), ("x-b", b"\xff\xfe!"), ("x-c", "\u00e9".encode()))
    headers = read(check)["attributes"]["request"]["http"]["headers"]
    assert (headers["x-a"], headers["x-b"], headers["x-c"]) == ("1,2", "!!!", "\u00e9")


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", [""]),
        ("/a/b", ["a", "b"]),
        ("/a/b/", ["a", "b", ""]),
        ("//admin/x", ["admin", "x"]),
        ("///a//b", ["a", "", "b"]),
        ("/a%2Fb", ["a", "b"]),
        ("/%2Fa", ["a"]),
        ("/a%3Fb", ["a?b"]),
        ("/a+b", ["a+b"]),
        ("/%C3%A9", ["\u00e9"]),
        ("/%FF", ["\ufffd"]),
        ("/a/../b", ["a", "..", "b"]),
        ("/a?b/c", ["a"]),
        ("*", ["*"]),
    ],
)
def test_the_path_is_parsed_as_policies_expect(path: str, segments: list[str]) -> None:
    """Cut at the first `?`, decoded, leading slashes gone, split."""
    assert read(check_request(path=path))["parsed_path"] == segments


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ("", {}),
        ("a", {"a": [""]}),
        ("a=", {"a": [""]}),
        ("=b", {"": ["b"]}),
        ("a=1&a=2&b=3", {"a": ["1", "2"], "b": ["3"]}),
        ("&&a=1&", {"a": ["1"]}),
        ("a=b=c", {"a": ["b=c"]}),
        ("a+b=c%20d%2B", {"a b": ["c d+"]}),
        ("a=?", {"a": ["?"]}),
        ("%C3%A9=%26", {"\u00e9": ["&"]}),
    ],
)
def test_the_query_is_parsed_as_go_does(query: str, parsed: dict[str, list[str]]) -> None:
    """url.ParseQuery."""
    assert read(check_request(path=f"/x?{query}"))["parsed_query"] == parsed


@pytest.mark.parametrize("path", ["/%", "/%2", "/%zz", "/a?b=%", "/a?%g=1", "/a?b=1;c=2", "/a?;"])
def test_a_target_that_can_not_be_parsed_is_refused(path: str) -> None:
    """A policy must not judge half of a request; the sentence names no value."""
    with pytest.raises(BadRequest, match=r"^the (path|query) has a"):
        read(check_request(path=path))


JSON = ("content-type", b"application/json; charset=utf-8")


def with_type(*lines: tuple[str, bytes], body: bytes) -> CheckRequest:
    check = check_request(body=body)
    del check.attributes.request.http.header_map.headers[:]
    for name, value in lines:
        check.attributes.request.http.header_map.headers.add(key=name, raw_value=value)
    return check


@pytest.mark.parametrize(
    ("lines", "body", "parsed", "truncated"),
    [
        ([JSON], b'{"a": 1.50, "a": 2}', {"a": 2}, False),
        ([JSON], b"[1, null]", [1, None], False),
        ([JSON], b"null", None, False),
        ([JSON], b"", None, False),
        ([], BODY, None, False),
        ([("content-type", b"text/plain")], BODY, None, False),
        ([("content-type", b"text/plain"), ("content-type", b"application/json")], b"[1]", [1], False),
        ([JSON, ("content-length", b"3")], b"[1]", [1], False),
        ([JSON, ("content-length", b"2")], b"[1]", [1], False),
        ([JSON, ("content-length", b"4")], b"[1", None, True),
        ([JSON, ("x-envoy-auth-partial-body", b"true")], b"[1", None, True),
        ([("x-envoy-auth-partial-body", b"true")], b"[1", None, True),
        ([JSON, ("x-envoy-auth-partial-body", b"false")], b"[1]", [1], False),
    ],
)
def test_a_json_body_is_parsed_and_a_cut_one_is_known(
    lines: list[tuple[str, bytes]], body: bytes, parsed: object, *, truncated: bool
) -> None:
    """Truncation is seen with raw headers as well, which the plugin misses."""
    document = read(with_type(*lines, body=body))
    assert (document["parsed_body"], document["truncated_body"]) == (parsed, truncated)


def test_numbers_reach_opa_as_they_were_sent() -> None:
    """The body's own bytes are passed on, not what a parser made of them."""
    check = with_type(JSON, body=b'{"n": 12345678901234567890.10}')
    assert b"12345678901234567890.10" in orjson.dumps(policy_input(check, gated_request(check, 100)))


@pytest.mark.parametrize(
    "body", [b"{", b"NaN", b"\xff", b"{}{}", b"\xef\xbb\xbf{}", b'{"a": 1}, "approval": {}', b"[" * 5000]
)
def test_a_body_that_is_not_what_it_calls_itself_is_refused(body: bytes) -> None:
    """It could otherwise be spliced into the document."""
    with pytest.raises(BadRequest, match="calls itself application/json"):
        read(with_type(JSON, body=body))


@pytest.mark.parametrize("length", [b"", b"x", b"+", b"1,1", b"9" * 30])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    """As the plugin does."""
    with pytest.raises(BadRequest, match="content-length"):
        read(with_type(JSON, ("content-length", length), body=b"[1]"))
