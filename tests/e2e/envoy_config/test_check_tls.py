"""Mutual TLS between Envoy and the check server."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint
from authz.adapters.envoy_config.plan import ClientTls
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.certificates import Authority, Pair
from tests.e2e.envoy_config.check_server import checking
from tests.e2e.envoy_config.stack import Change, Document, Stack, cluster


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


def server_credentials(authority: Authority, pair: Pair) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(pair.key.read_bytes(), pair.certificate.read_bytes())],
        root_certificates=authority.certificate.read_bytes(),
        require_client_auth=True,
    )


def client_tls(trusted_ca: Path, pair: Pair) -> ClientTls:
    return ClientTls(
        certificate=str(pair.certificate),
        private_key=str(pair.key),
        trusted_ca=str(trusted_ca),
        server_name="check.test",
    )


def no_name_check(document: Document) -> None:
    context = cluster(document, "holdgate_check")["transport_socket"]["typed_config"]["common_tls_context"]
    del context["validation_context"]["match_typed_subject_alt_names"]


@pytest.mark.parametrize(
    ("server_name", "changes", "status"),
    [
        ("check.test", (), 200),
        ("other.test", (), 503),
        ("other.test", (no_name_check,), 200),
    ],
    ids=["the right server", "another server of the same authority", "control: no name check"],
)
def test_envoy_asks_only_the_server_that_it_means(
    server_name: str, changes: tuple[Change, ...], status: int, authority: Authority, stack: Stack
) -> None:
    tls = client_tls(authority.certificate, authority.issue("envoy.test"))
    with (
        checking(server_credentials(authority, authority.issue(server_name))) as server,
        stack.gate(
            *changes,
            reachable=status == 200,
            check=(TcpEndpoint("127.0.0.1", server.port),),
            check_tls=tls,
        ) as gate,
    ):
        assert http1.send(gate.port).status == status
        assert len(server.checks) == (status == 200)


def test_a_check_server_gets_no_check_from_an_envoy_of_another_authority(
    authority: Authority, stack: Stack, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path)
    tls = client_tls(authority.certificate, stranger.issue("envoy.test"))
    with (
        checking(server_credentials(authority, authority.issue("check.test"))) as server,
        stack.gate(reachable=False, check=(TcpEndpoint("127.0.0.1", server.port),), check_tls=tls) as gate,
    ):
        assert http1.send(gate.port).status == 503
        assert not server.checks
