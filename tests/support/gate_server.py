"""A process of Holdgate's own: started with an environment, ready when it says so, stopped by pid."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.gate_opa import ROOT

SHIPPED: Final = "authz.entrypoints.cli.main"
_START_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02


class GateServer:
    """`holdgate serve PART`, or a module that stands in for it, with its files below `sockets`.

    `environ` may say where it answers Envoy.
    """

    def __init__(
        self, name: str, environ: Mapping[str, str], sockets: Path, folder: Path, *, part: str, module: str
    ) -> None:
        self.part = part
        self.address = environ.get("HOLDGATE_GRPC_LISTEN", f"unix:{sockets / name}.grpc")
        self.console = f"unix:{sockets / name}.web"
        self.log = folder / f"{name}.log"
        self._operations = sockets / f"{name}.ops"
        own = {
            "HOLDGATE_GRPC_LISTEN": self.address,
            "HOLDGATE_CONSOLE_LISTEN": self.console,
            "HOLDGATE_METRICS_LISTEN": f"unix:{self._operations}",
        }
        clean = {key: value for key, value in os.environ.items() if not key.startswith("HOLDGATE_")}
        self._environ = {**clean, **environ, **own}
        self._command = [sys.executable, "-m", module, "serve", part]
        self.start()

    def start(self) -> None:
        """Start it, also once more after its end, on the same addresses."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def await_ready(self) -> None:
        """Wait until `/readyz` says yes. Raises AssertionError with the log's end."""
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            assert self.alive, f"{self.log.name}: ended with {self._process.returncode}:\n{self._tail()}"
            assert time.monotonic() < deadline, f"{self.log.name}: not ready:\n{self._tail()}"
            time.sleep(_POLL_SECONDS)

    def ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == http.client.OK
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        """Ask the operations listener; return status and body."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._operations))
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n".encode())
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.read().decode()

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if not line.startswith("#")]
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name
        )

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def exit_code(self, seconds: float) -> int:
        """Wait for the end, so many seconds at most."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End it, however it is."""
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
