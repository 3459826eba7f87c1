"""What the policy is shown of a request that really came through Envoy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.contract.bare import per_route
from tests.e2e.envoy_config.certificates import Authority, Pair
from tests.e2e.envoy_config.stack import ext_authz, manager
from tests.e2e.envoy_config.test_paths import no_normalisation
from tests.support.gate import HOST, Change, Document, Gate, envoy_before
from tests.support.gate_backing import fresh

SERVER = "gate.test"


@contextmanager
def before(gate: Gate, *changes: Change) -> Iterator[Gate]:
    with envoy_before(gate.backing, gate.environ, gate.servers, *changes) as other:
        yield other


def shown(gate: Gate) -> dict[str, Any]:
    (document,) = gate.backing.opa.inputs
    return document


@pytest.mark.parametrize(
    ("target", "segments", "query"),
    [
        ("//open/x", ["open", "x"], {}),
        ("/open/a/../x", ["open", "a", "..", "x"], {}),
        ("/open/a%2Fx", ["open", "a", "x"], {}),
        ("/open/a%3Fb=c", ["open", "a?b=c"], {}),
        ("/open/x?a=b?c&a=d", ["open", "x"], {"a": ["b?c", "d"]}),
    ],
)
def test_a_path_loses_nothing_on_its_way_to_the_policy(
    target: str, segments: list[str], query: dict[str, list[str]], gate: Gate
) -> None:
    """CVE-2026-26205 lost the first segment after two slashes, CVE-2026-32811 turned %3F and ? into each other."""
    with before(gate, no_normalisation, keeps_escaped_slashes) as raw:
        raw.send(target)
    seen = shown(gate)
    assert seen["attributes"]["request"]["http"]["path"] == target
    assert seen["parsed_path"] == segments
    assert (seen["parsed_query"] or {}) == query


def keeps_escaped_slashes(document: Document) -> None:
    manager(document)["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"


def headers_as_a_map(document: Document) -> None:
    del ext_authz(document)["encode_raw_headers"]


@pytest.mark.parametrize("raw", [True, False], ids=["raw headers", "a map"])
def test_doubled_headers_are_joined_for_the_policy_however_envoy_sends_them(raw: bool, gate: Gate) -> None:
    changes = [] if raw else [headers_as_a_map]
    with before(gate, *changes) as other:
        other.send(fresh("open"), ("x-a", b"1"), ("x-b", b"2"), ("x-a", b"3"), ("x-c", b"\xff"))
    headers = shown(gate)["attributes"]["request"]["http"]["headers"]
    assert (headers["x-a"], headers["x-b"], headers["x-c"]) == ("1,3", "2", "!")


def test_what_envoy_knows_of_the_route_and_the_caller_is_shown(gate: Gate) -> None:
    with before(gate, lambda document: per_route(document, context_extensions={"team": "payments"})) as other:
        other.send(fresh("open"))
    attributes = shown(gate)["attributes"]
    assert attributes["contextExtensions"] == {"team": "payments"}
    claims = attributes["metadataContext"]["filterMetadata"]["envoy.filters.http.jwt_authn"]["jwt"]
    assert claims["sub"] == "alice"
    assert shown(gate)["version"] == {"ext_authz": "v3", "encoding": "protojson"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


def mutual_tls(authority: Authority, server: Pair) -> Change:
    def change(document: Document) -> None:
        chain = document["static_resources"]["listeners"][0]["filter_chains"][0]
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": True,
                "common_tls_context": {
                    "tls_certificates": [
                        {
                            "certificate_chain": {"filename": str(server.certificate)},
                            "private_key": {"filename": str(server.key)},
                        }
                    ],
                    "validation_context": {"trusted_ca": {"filename": str(authority.certificate)}},
                },
            },
        }

    return change


def send_with(client: Pair, trusted: Path, port: int, request: bytes) -> bytes:
    context = ssl.create_default_context(cafile=str(trusted))
    context.load_cert_chain(str(client.certificate), str(client.key))
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=SERVER) as connection,
    ):
        connection.sendall(request)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    ("uris", "names", "principal"),
    [
        (["spiffe://gate.test/a"], ["a.test"], "spiffe://gate.test/a"),
        ([], ["a.test"], "a.test"),
    ],
    ids=["the URI first", "then the DNS name"],
)
def test_the_callers_certificate_is_shown(
    uris: Sequence[str], names: Sequence[str], principal: str, authority: Authority, gate: Gate
) -> None:
    server, client = authority.issue(SERVER), authority.issue("client", *uris, names=names)
    with before(gate, mutual_tls(authority, server)) as other:
        request = other.request(fresh("open"))
        answer = send_with(client, authority.certificate, other.port, request)
    assert answer.startswith(b"HTTP/1.1 200 ")
    attributes = shown(gate)["attributes"]
    assert attributes["source"]["principal"] == shown(gate)["source_principal"] == principal
    assert attributes["source"]["certificate"].startswith("-----BEGIN%20CERTIFICATE-----")
    assert attributes["tlsSession"] == {"sni": SERVER}
    assert attributes["request"]["http"]["host"] == HOST
