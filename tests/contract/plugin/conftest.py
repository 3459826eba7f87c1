from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.contract.plugin.asking import Asking
from tests.contract.plugin.case import cases, write_policies
from tests.contract.plugin.descriptors import write_descriptors
from tests.support.gate_server import SHIPPED, GateServer
from tools import opa

_START_SECONDS = 20.0
_SETTINGS = {
    "default": {},
    "skip-body-parse": {"HOLDGATE_SKIP_BODY_PARSE": "true"},
    "dry-run": {"HOLDGATE_DRY_RUN": "true"},
}
Servers = Callable[[str], Asking]


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="hg-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def policy_server(sockets: Path) -> Iterator[str]:
    """A real OPA with the policies of all cases; its URL."""
    policies = sockets / "policies"
    policies.mkdir()
    write_policies(policies, list(cases()))
    binary, socket, log = opa.find(), sockets / "opa.sock", sockets / "opa.log"
    assert binary is not None, "no OPA: `make setup` builds one, or set OPA_BIN"
    command = [
        *(str(binary), "run", "--server", "--addr", f"unix://{socket}", "--unix-socket-perm", "600"),
        *("--skip-version-check", "--log-level", "error", str(policies)),
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, base_url="http://opa") as client:
                _await_answer(client, process, log)
            yield f"unix://{socket}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def servers(sockets: Path, policy_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Holdgate's check server in each configuration, started when it is first asked for."""
    write_descriptors(sockets / "shop.pb")
    running: dict[str, Asking] = {}
    with ExitStack() as stack:

        def configured(configuration: str) -> Asking:
            if configuration not in running:
                environ = {
                    "HOLDGATE_OPA_URL": policy_server,
                    "HOLDGATE_OPA_TIMEOUT": "5s",
                    "HOLDGATE_CHECK_TIMEOUT": "5s",
                    # Nothing here needs Redis.
                    "HOLDGATE_REDIS_URL": f"unix://{sockets / 'no-redis'}",
                    "HOLDGATE_TICKET_KEYS": "k1:" + "A" * 43,
                    "HOLDGATE_PROTO_DESCRIPTOR": str(sockets / "shop.pb"),
                    "HOLDGATE_DRAIN_DELAY": "0s",
                } | _SETTINGS[configuration]
                folder = tmp_path_factory.mktemp(configuration)
                server = GateServer(configuration, environ, sockets, folder, part="check", module=SHIPPED)
                stack.callback(server.stop)
                server.await_ready()
                running[configuration] = stack.enter_context(Asking(server.address))
            return running[configuration]

        yield configured


def _await_answer(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(f"OPA isn't ready:\n{log.read_text()[-2000:]}")
