from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.contract.plugin.asking import Asking
from tests.contract.plugin.case import cases, write_policies
from tests.contract.plugin.descriptors import write_descriptors
from tests.support.gate_server import SHIPPED, GateServer
from tools import opa

_START_SECONDS = 20.0
_POLL_SECONDS = 0.02
_SETTINGS = {
    "default": {},
    "skip-body-parse": {"HOLDGATE_SKIP_BODY_PARSE": "true"},
    "dry-run": {"HOLDGATE_DRY_RUN": "true"},
}


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
    binary, address, log = opa.find(), sockets / "opa.sock", sockets / "opa.log"
    assert binary is not None, "no OPA: `make setup` builds one, or set OPA_BIN"
    command = [
        *(str(binary), "run", "--server", "--addr", f"unix://{address}", "--unix-socket-perm", "600"),
        *("--skip-version-check", "--log-level", "error", str(policies)),
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _await_listener(address, process, log)
            yield f"unix://{address}"
        finally:
            process.terminate()


class Servers:
    """Holdgate's check server in each configuration, started when it is first asked for."""

    def __init__(self, environ: Mapping[str, str], sockets: Path, stack: ExitStack) -> None:
        self._environ = environ
        self._sockets = sockets
        self._stack = stack
        self._running: dict[str, tuple[GateServer, Asking]] = {}

    def process(self, configuration: str) -> GateServer:
        return self._started(configuration)[0]

    def asking(self, configuration: str) -> Asking:
        return self._started(configuration)[1]

    def _started(self, configuration: str) -> tuple[GateServer, Asking]:
        if configuration not in self._running:
            environ = {**self._environ, **_SETTINGS[configuration]}
            server = GateServer(
                configuration, environ, self._sockets, self._sockets, part="check", module=SHIPPED
            )
            self._stack.callback(server.stop)
            server.await_ready()
            self._running[configuration] = server, self._stack.enter_context(Asking(server.address))
        return self._running[configuration]


@pytest.fixture(scope="module")
def servers(sockets: Path, policy_server: str) -> Iterator[Servers]:
    write_descriptors(sockets / "shop.pb")
    environ = {
        "HOLDGATE_OPA_URL": policy_server,
        "HOLDGATE_OPA_TIMEOUT": "5s",
        "HOLDGATE_CHECK_TIMEOUT": "5s",
        # Nothing here needs Redis.
        "HOLDGATE_REDIS_URL": f"unix://{sockets / 'no-redis'}",
        "HOLDGATE_TICKET_KEYS": "k1:" + "A" * 43,
        "HOLDGATE_PROTO_DESCRIPTOR": str(sockets / "shop.pb"),
        "HOLDGATE_DRAIN_DELAY": "0s",
    }
    with ExitStack() as stack:
        yield Servers(environ, sockets, stack)


def _await_listener(address: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """OPA listens once it has compiled its policies."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(address))
            return
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"OPA isn't ready:\n{log.read_text()[-2000:]}")
