"""kubectl before a gate, with the rule that docs/client.md shows for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import pytest

from tests.e2e.client_docs.clients import Clients, Program
from tests.e2e.client_docs.kube_api import KubeApi, kube_api
from tests.e2e.client_docs.page import PAGE, shown
from tests.e2e.envoy_config.certificates import Authority, Pair
from tests.support.gate import Document, Gate, envoy_before
from tests.support.gate_server import GateServer

# The first test starts the gates.
pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(180)]

NAME = "kube.test"
Servers = tuple[dict[str, str], tuple[GateServer, ...]]


def speaking_tls(pair: Pair) -> Callable[[Document], None]:
    """Kubectl sends no credential over plain HTTP."""

    def change(document: Document) -> None:
        certificate = {
            "certificate_chain": {"filename": str(pair.certificate)},
            "private_key": {"filename": str(pair.key)},
        }
        common = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [certificate]}
        document["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": (
                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
                ),
                "common_tls_context": common,
            },
        }

    return change


class Kubectl:
    """kubectl as alice, and the cluster that it speaks to through the gate."""

    def __init__(self, clients: Clients, api: KubeApi, authority: Path) -> None:
        self.clients = clients
        self.api = api
        self._authority = authority

    def delete(self, pod: str) -> Program:
        """Delete a pod, and don't wait for its end."""
        return self.clients.start(
            *("kubectl", "--kubeconfig=/dev/null", f"--server=https://127.0.0.1:{self.clients.gate.port}"),
            *(f"--tls-server-name={NAME}", f"--certificate-authority={self._authority}"),
            *(f"--token={self.clients.gate.backing.token('alice')}", "delete", "pod", pod, "--wait=false"),
            HOME=str(self.clients.folder),
        )


@pytest.fixture(scope="module")
def shared_cluster(
    rule_servers: Servers, tmp_path_factory: pytest.TempPathFactory, shared_gate: Gate
) -> Iterator[tuple[Gate, KubeApi, Path]]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    tls = speaking_tls(authority.issue(NAME))
    environ, running = rule_servers
    with (
        kube_api() as api,
        envoy_before(
            shared_gate.backing,
            {
                **environ,
                "HOLDGATE_ENVOY_UPSTREAM": f"127.0.0.1:{api.port}",
                "HOLDGATE_ENVOY_WAIT_PREFIXES": "/api/",
            },
            running,
            tls,
        ) as gate,
    ):
        yield gate, api, authority.certificate


@pytest.fixture
def kubectl(gate: Gate, shared_cluster: tuple[Gate, KubeApi, Path], tmp_path: Path) -> Iterator[Kubectl]:
    """The other gate's fresh start is this one's."""
    before, api, authority = shared_cluster
    assert gate.backing is before.backing
    with ExitStack() as stack:
        yield Kubectl(Clients(before, tmp_path, stack), api, authority)


def pod() -> str:
    return f"web-{token_hex(4)}"


def printed(status: int, name: str) -> str:
    """Return what the page says that kubectl prints, up to where it cuts."""
    table = PAGE.read_text(encoding="utf-8").partition("## kubectl")[2]
    (row,) = re.findall(rf"^\| {status} \|.*$", table, re.MULTILINE)
    *_, words = re.findall(r"`(e?E?rror[^`]*)`", row)
    return str(words).partition("…")[0].strip().replace("web", name)


def test_with_a_503_it_waits_by_itself_until_the_vote(kubectl: Kubectl) -> None:
    name = pod()
    program = kubectl.delete(name)
    identifier = kubectl.clients.ticket()
    kubectl.clients.gate.vote(identifier)
    ended = program.ended()
    assert (ended.code, ended.output) == (0, f'pod "{name}" deleted\n'), ended
    assert kubectl.api.deleted.count(name) == 1
    assert kubectl.clients.gate.events(identifier)[-2:] == ["grant.redeemed", "grant.used_up"]


@pytest.mark.parametrize("status", [202, 403, 428])
def test_with_any_other_status_it_ends_and_goes_through_when_it_is_repeated(
    status: int, kubectl: Kubectl
) -> None:
    opa, rule = kubectl.clients.gate.backing.opa, shown("rego kubernetes")
    assert rule.count('"http_status": 503') == 1
    opa.load("kubernetes", rule.replace('"http_status": 503', f'"http_status": {status}'))
    try:
        name = pod()
        held = kubectl.delete(name).ended()
        identifier = kubectl.clients.ticket()
        assert held.code == 1
        assert held.errors.startswith(printed(status, name))
        assert (kubectl.clients.token(identifier) in held.errors) is (status == 202)
        assert kubectl.api.deleted.count(name) == 0
        kubectl.clients.gate.vote(identifier)
        ended = kubectl.delete(name).ended()
        assert (ended.code, ended.output) == (0, f'pod "{name}" deleted\n'), ended
        assert kubectl.api.deleted.count(name) == 1
    finally:
        opa.load("kubernetes", rule)


def test_with_a_rule_that_waits_it_is_kept_waiting_until_the_vote(kubectl: Kubectl) -> None:
    opa, rule = kubectl.clients.gate.backing.opa, shown("rego kubernetes")
    opa.load("kubernetes", rule.replace('"repeat"', '"header",\n\t"wait": "50s"').replace("503", "403"))
    try:
        name = pod()
        program = kubectl.delete(name)
        kubectl.clients.decide()
        ended = program.ended()
        assert (ended.code, ended.output) == (0, f'pod "{name}" deleted\n'), ended
    finally:
        opa.load("kubernetes", rule)


def test_control_where_the_rule_wants_the_header_no_repetition_helps(kubectl: Kubectl) -> None:
    opa, rule = kubectl.clients.gate.backing.opa, shown("rego kubernetes")
    opa.load("kubernetes", rule.replace('"repeat"', '"header"').replace("503", "403"))
    try:
        name = pod()
        assert kubectl.delete(name).ended().code == 1
        kubectl.clients.gate.vote(kubectl.clients.ticket())
        assert kubectl.delete(name).ended().code == 1
        assert kubectl.api.deleted.count(name) == 0
    finally:
        opa.load("kubernetes", rule)
