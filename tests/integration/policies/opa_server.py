"""A real OPA for tests: the documented command, over a copy of the policies that a test may edit.

It listens on a unix socket, so that parallel tests need no ports.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.integration.policies import guide
from tools import opa

_PATIENCE_SECONDS: Final = 20.0
# What ends by itself may take longer on a machine at work; less than a test may take.
_COMMAND_SECONDS: Final = 50.0
_POLL_SECONDS: Final = 0.02


class OpaFailed(AssertionError):
    """OPA is missing, ended, or didn't do what was waited for; the message has its last log lines."""


@dataclass(frozen=True, slots=True)
class RunningOpa:
    """An OPA that answers. `policies` is its own copy of the repository's; `log` has all that it writes.

    `url` is for Holdgate's own client: unix:///path.
    """

    url: str
    policies: Path
    log: Path
    http: httpx.Client

    def ask(self, path: str, document: object) -> dict[str, Any]:
        """Return the whole answer of the Data API to an input."""
        answer = self.http.post(f"/v1/data/{path}", json={"input": document})
        answer.raise_for_status()
        parsed: dict[str, Any] = answer.json()
        return parsed

    def decide(self, document: object) -> Any:  # noqa: ANN401 - whatever the policy says
        """Return the result of the default decision path, or None where it is undefined."""
        return self.ask("envoy/authz/allow", document).get("result")

    def modules(self) -> set[str]:
        """Return the names of the modules that it has loaded: their paths."""
        return {module["id"] for module in self.http.get("/v1/policies").json()["result"]}

    def shipped(self) -> set[str]:
        """Return the names of those that it should have: all but tests."""
        files = {path for path in self.policies.rglob("*.rego") if not path.name.endswith("_test.rego")}
        return {str(path.relative_to(self.policies.parent)) for path in files}

    def logged(self, decision_id: str) -> dict[str, Any]:
        """Wait for one decision's record in the log, and return it."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found.extend(record for record in self._records() if record.get("decision_id") == decision_id)
            return bool(found)

        self.wait_until(arrived, f"decision {decision_id} in the log")
        return found[0]

    def wait_until(self, condition: Callable[[], bool], wanted: str) -> None:
        """Poll until the condition holds. Raises OpaFailed naming what was wanted."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise OpaFailed(f"waited {_PATIENCE_SECONDS:.0f} s for {wanted}:\n{_tail(self.log)}")
            time.sleep(_POLL_SECONDS)

    def _records(self) -> list[dict[str, Any]]:
        whole_lines = self.log.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole_lines if line.startswith("{")]


def opa_binary() -> str:
    """Return the OPA that `make setup` found or built. Raises OpaFailed without one."""
    binary = opa.find()
    if binary is None:
        raise OpaFailed("no OPA: `make setup` builds one, or set OPA_BIN")
    return str(binary)


def run_opa(*arguments: str, cwd: Path = guide.ROOT) -> subprocess.CompletedProcess[str]:
    """Run an OPA command to its end and return what it said, whatever its exit status."""
    command = [opa_binary(), *arguments]
    return subprocess.run(
        command, cwd=cwd, check=False, capture_output=True, text=True, timeout=_COMMAND_SECONDS
    )


def copy_policies(folder: Path) -> Path:
    """Return a copy of `policies/` in a folder, tests and all."""
    copy = folder / "policies"
    shutil.copytree(guide.POLICIES, copy)
    return copy


@contextmanager
def running_opa(
    folder: Path, *, without: frozenset[str] = frozenset(), command: Sequence[str] = ()
) -> Iterator[RunningOpa]:
    """Run OPA in a folder until the block ends: the documented command, for which it needs `policies/`, or `command`.

    `without` takes words out of it. `command` has no address. Raises OpaFailed when OPA ends or doesn't answer in time.
    """
    log = folder / "opa.log"
    # A socket's path may not be longer than 103 bytes on macOS, and pytest's folders are deep.
    with tempfile.TemporaryDirectory(prefix="opa-") as short:
        address = Path(short) / "opa.sock"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [word for word in _command(address, command) if word not in without],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
            httpx.Client(
                transport=httpx.HTTPTransport(uds=str(address)),
                base_url="http://opa",
                timeout=5,
                trust_env=False,
            ) as client,
        ):
            opa_at_work = RunningOpa(f"unix://{address}", folder / "policies", log, client)
            try:
                opa_at_work.wait_until(lambda: _answers(client, address, process, log), "OPA to answer")
                yield opa_at_work
            finally:
                _stop(process)


def _command(address: Path, own: Sequence[str]) -> list[str]:
    program, *words = own or guide.opa_command()
    assert program == "opa"
    if "--addr" in words:
        place = words.index("--addr")
        del words[place : place + 2]
    # Flags may stand behind what OPA loads.
    return [opa_binary(), *words, "--addr", f"unix://{address}", "--unix-socket-perm", "600"]


def _answers(client: httpx.Client, address: Path, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise OpaFailed(f"OPA ended with {process.returncode}:\n{_tail(log)}")
    # Not with httpx, which leaves the socket open when nobody listens on it yet.
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(address)) != 0:
            return False
    return client.get("/health?plugins").status_code == httpx.codes.OK


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_PATIENCE_SECONDS)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
