"""The servers under measurement: OPA and the check server on one core, Redis beside the load."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Final

from bench import cores
from bench.question import NAMESPACE
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tools import opa

ROOT: Final = Path(__file__).resolve().parent.parent
POLICY: Final = ROOT / "bench" / "policy.rego"
HEAVY: Final = ROOT / "bench" / "heavy.rego"
DATA: Final = ROOT / "bench" / "data.json"
DIRECTORY: Final = ROOT / "policies" / "library" / "directory.rego"
_READY_S: Final = 30.0
_POLL_S: Final = 0.02


class NotReady(Exception):
    """A server ended, or isn't ready in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Servers:
    """A check server with what is behind it. `environ` are its settings."""

    address: str
    metrics: str
    pids: Mapping[str, int]
    redis: RedisServer
    environ: Mapping[str, str]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Servers]:
    """Run one check server, OPA and Redis until the block ends. `settings` are HOLDGATE_* names, see Settings.

    Raises NotReady.
    """
    with ExitStack() as stack:
        with cores.on(cores.LOAD):
            redis = RedisServer(folder)
            redis.start()
        stack.callback(redis.stop)
        opa_url = f"http://127.0.0.1:{free_port()}"
        policy = stack.enter_context(_process(_opa_command(opa_url), folder / "opa.log"))
        _await(f"{opa_url}/health", policy, folder / "opa.log")
        address, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        own = {f"HOLDGATE_{name.upper()}": value for name, value in settings.items()}
        environ = {**_environ(opa_url, redis.url, address, metrics), **own}
        log = folder / "check.log"
        command = [sys.executable, "-m", "authz.entrypoints.cli.main", "serve", "check"]
        check = stack.enter_context(_process(command, log, environ))
        _await(f"http://{metrics}/readyz", check, log)
        yield Servers(address, metrics, {"check": check.pid, "opa": policy.pid}, redis, environ)


def _opa_command(url: str) -> Sequence[str]:
    program = opa.find()
    if program is None:
        raise NotReady("no OPA: `make setup` gets one")
    address = url.removeprefix("http://")
    files = [str(POLICY), str(HEAVY), str(DIRECTORY), str(DATA)]
    return [str(program), "run", "--server", "--addr", address, "--log-level", "error", *files]


def _environ(opa_url: str, redis_url: str, address: str, metrics: str) -> Mapping[str, str]:
    """Return the settings. Time limits are generous: a slow answer is to be measured and not to be refused."""
    return {
        "HOLDGATE_OPA_URL": opa_url,
        "HOLDGATE_OPA_TIMEOUT": "5s",
        "HOLDGATE_CHECK_TIMEOUT": "5s",
        "HOLDGATE_REDIS_TIMEOUT": "5s",
        "HOLDGATE_REDIS_URL": redis_url,
        "HOLDGATE_GRPC_LISTEN": address,
        "HOLDGATE_METRICS_LISTEN": metrics,
        "HOLDGATE_PRINCIPAL_FROM": f"metadata:{NAMESPACE}/jwt/sub",
        "HOLDGATE_MAX_OPEN_TICKETS": "1000000",
        "HOLDGATE_MAX_OPEN_TICKETS_PER_REQUESTER": "1000000",
        "HOLDGATE_MAX_OPEN_TICKETS_PER_RULE": "1000000",
        "HOLDGATE_TICKETS_PER_MINUTE": "1000000",
        "HOLDGATE_TICKETS_PER_MINUTE_PER_REQUESTER": "1000000",
        "HOLDGATE_TICKETS_PER_MINUTE_PER_RULE": "1000000",
        "HOLDGATE_DRAIN_DELAY": "0s",
        "HOLDGATE_SHUTDOWN_GRACE": "1s",
        "HOLDGATE_TICKET_KEYS": f"bench:{urlsafe_b64encode(token_bytes(32)).decode()}",
    }


@contextmanager
def _process(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
    with log.open("wb") as output, cores.on(cores.SERVERS):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - always http://127.0.0.1
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_POLL_S)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise NotReady(f"{process.args!r} isn't ready:\n{tail}")
