"""A real Envoy with the configuration that `holdgate envoy-config` writes, before a server with mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.envoy_config.certificates import Authority, Pair
from tests.support.gate import Gate, envoy_before, servers
from tests.support.gate_backing import Backing, fresh
from tests.support.gate_server import GateServer
from tests.support.ports import free_port
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # several servers and Envoys, one after the other

NAME = "check.test"
LISTED = "spiffe://gate.test/edge/*"
EDGE = "spiffe://gate.test/edge/envoy"
APP = "spiffe://gate.test/app"


@dataclass(frozen=True, slots=True)
class Secured:
    """A check server on TCP with mutual TLS, and what it shows and trusts."""

    around: Backing
    authority: Authority
    pair: Pair
    environ: Mapping[str, str]
    servers: tuple[GateServer, ...]

    @contextmanager
    def gate(self, authority: Authority, pair: Pair) -> Iterator[Gate]:
        """Run an Envoy that shows `pair` and trusts `authority`."""
        own = {
            "HOLDGATE_ENVOY_CHECK_TLS_CERT": str(pair.certificate),
            "HOLDGATE_ENVOY_CHECK_TLS_KEY": str(pair.key),
            "HOLDGATE_ENVOY_CHECK_TLS_CA": str(authority.certificate),
            "HOLDGATE_ENVOY_CHECK_TLS_SERVER_NAME": NAME,
        }
        with envoy_before(self.around, {**self.environ, **own}, self.servers) as gate:
            yield gate


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "pki"
    folder.mkdir()
    return Authority(folder)


@contextmanager
def secured(around: Backing, authority: Authority, listed: str) -> Iterator[Secured]:
    pair = authority.issue(NAME)
    environ = {
        **around.environ(),
        "HOLDGATE_GRPC_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_GRPC_TLS_CERT": str(pair.certificate),
        "HOLDGATE_GRPC_TLS_KEY": str(pair.key),
        "HOLDGATE_GRPC_TLS_CLIENT_CA": str(authority.certificate),
        "HOLDGATE_GRPC_CLIENT_IDENTITIES": listed,
    }
    with servers(around, environ, ("check",)) as running:
        yield Secured(around, authority, pair, environ, running)


def test_a_listed_envoy_is_answered_and_another_workload_is_not(
    around: Backing, authority: Authority
) -> None:
    with secured(around, authority, LISTED) as server:
        with server.gate(authority, authority.issue("envoy.test", EDGE)) as gate:
            assert gate.send(fresh("open")).status == 200
            assert gate.hold(fresh("hold")).id
        with server.gate(authority, authority.issue("app.test", APP)) as gate:
            path = fresh("open")
            assert gate.send(path).status == 503, "healthy for its health checks, closed for its checks"
            assert gate.hits(path) == 0
        assert server.servers[0].metric("holdgate_tls_unlisted_callers_total") == 1
        assert APP in server.servers[0].log.read_text()


def test_control_a_list_that_names_the_workload_too_lets_it_ask(
    around: Backing, authority: Authority
) -> None:
    with (
        secured(around, authority, f"{LISTED},{APP}") as server,
        server.gate(authority, authority.issue("app.test", APP)) as gate,
    ):
        assert gate.send(fresh("open")).status == 200


def test_certificates_rotate_under_a_running_server(
    around: Backing, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "next").mkdir()
    following = Authority(tmp_path / "next")
    with secured(around, authority, LISTED) as secure:
        (server,) = secure.servers
        envoy = authority.issue("envoy.test", EDGE)
        with secure.gate(authority, envoy) as gate:
            good = secure.pair.key.read_bytes()
            secure.pair.key.write_bytes(b"broken")
            assert gate.send(fresh("open")).status == 200, "an open connection doesn't notice"
            with secure.gate(authority, envoy) as another:
                assert another.send(fresh("open")).status == 200, "the old certificate is still shown"
            assert server.metric("holdgate_tls_reload_failing") == 1
            assert "tls.kept_old" in server.log.read_text()
            secure.pair.key.write_bytes(good)

            rotated = following.issue(NAME)
            before = server.metric("holdgate_tls_reloads_total")
            secure.pair.certificate.write_bytes(rotated.certificate.read_bytes())
            secure.pair.key.write_bytes(rotated.key.read_bytes())
            with secure.gate(following, envoy) as another:
                assert another.send(fresh("open")).status == 200, "the new certificate is shown"
            assert server.metric("holdgate_tls_reloads_total") > before
            until("it works", lambda: server.metric("holdgate_tls_reload_failing") == 0)
