"""A check server of Holdgate's with an OPA that answers by echo.rego, both on unix sockets."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.contract.plugin.descriptors import write_descriptors
from tests.support.gate_server import SHIPPED, GateServer
from tools import opa

POLICY: Final = Path(__file__).with_name("echo.rego")
DESCRIPTORS: Final = "shop.pb"
_START_SECONDS = 20.0
_POLL_SECONDS = 0.02


def write_policy(folder: Path) -> None:
    """Write what a server to compare with has to be given: the policy and the descriptors of gRPC bodies."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(POLICY, folder / POLICY.name)
    write_descriptors(folder / DESCRIPTORS)


@contextmanager
def running() -> Iterator[tuple[GateServer, Path]]:
    """Yield the check server and the folder with policy and descriptors."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hg-")))
        write_policy(folder)
        binary, address = opa.find(), folder / "opa.sock"
        assert binary is not None, "no OPA: `make setup` builds one, or set OPA_BIN"
        output = stack.enter_context((folder / "opa.log").open("wb"))
        policies = subprocess.Popen(
            [
                *(str(binary), "run", "--server", "--addr", f"unix://{address}", "--unix-socket-perm", "600"),
                *("--skip-version-check", "--log-level", "error", str(folder / POLICY.name)),
            ],
            stdout=output,
            stderr=output,
        )
        stack.callback(policies.wait)
        stack.callback(policies.terminate)
        _await_listener(address, policies, folder / "opa.log")
        environ = {
            "HOLDGATE_OPA_URL": f"unix://{address}",
            "HOLDGATE_OPA_TIMEOUT": "9s",
            "HOLDGATE_CHECK_TIMEOUT": "9s",
            # Nothing here is held, so nothing needs Redis.
            "HOLDGATE_REDIS_URL": f"unix://{folder / 'no-redis'}",
            "HOLDGATE_TICKET_KEYS": "k1:" + "A" * 43,
            "HOLDGATE_PROTO_DESCRIPTOR": str(folder / DESCRIPTORS),
            "HOLDGATE_DRAIN_DELAY": "0s",
            "HOLDGATE_LOG_LEVEL": "error",
        }
        server = GateServer("check", environ, folder, folder, part="check", module=SHIPPED)
        stack.callback(server.stop)
        server.await_ready()
        yield server, folder


def _await_listener(address: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """OPA listens once it has compiled its policy."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(address))
            return
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"OPA isn't ready:\n{log.read_text()[-2000:]}")
