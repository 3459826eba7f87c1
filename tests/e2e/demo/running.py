"""A demo as a process, on ports and in a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from authz.entrypoints.demo.ports import Ports
from authz.entrypoints.demo.run_directory import RunDirectory
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
HOLDGATE = (sys.executable, "-m", "authz.entrypoints.cli.main")
SERVING = "Ctrl-C ends it all."
PATIENCE = 100.0
STOP_SECONDS = 5.0


@dataclass
class Place:
    """Where a demo runs: its environment, its directory, and its policies, a copy to edit."""

    environ: dict[str, str]
    run: RunDirectory
    policies: Path
    ports: Ports

    def holdgate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*HOLDGATE, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environ,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def demo(self, *arguments: str) -> Iterator[RunningDemo]:
        """Run `holdgate demo` until the block ends."""
        output, errors = self.policies.parent / "output", self.policies.parent / "errors"
        command = [*HOLDGATE, "demo", "--policies", str(self.policies), *arguments]
        with (
            output.open("wb") as stdout,
            errors.open("wb") as stderr,
            subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=ROOT, env=self.environ) as process,
        ):
            demo = RunningDemo(process, output, errors)
            try:
                yield demo
            finally:
                process.terminate()


@dataclass
class RunningDemo:
    """`children` are the process ids seen so far."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path
    children: dict[int, str] = field(default_factory=dict)

    def until_said(self, text: str) -> None:
        """Wait until it has printed something, and note its children."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output.read_text():
            code = self.process.poll()
            assert code is None, f"it ended with {code}: {self.errors.read_text()}"
            assert time.monotonic() < deadline, f"it never said {text!r}: {self.output.read_text()}"
            time.sleep(0.05)
        self.note_children()

    def note_children(self) -> None:
        """Remember the children that it has now."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            pid, parent, command = line.split(maxsplit=2)
            if int(parent) == self.process.pid:
                self.children[int(pid)] = command

    def child(self, word: str) -> int:
        """Return the process id of the child whose command has this word."""
        return next(pid for pid, command in self.children.items() if word in command)

    def ended(self) -> tuple[int, float]:
        """Wait for its end; return the exit code and the seconds from now that it took."""
        began = time.monotonic()
        return self.process.wait(PATIENCE), time.monotonic() - began


@contextmanager
def a_place() -> Iterator[Place]:
    """Make a place. Its path is short, because sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="hg-") as folder:
        policies = Path(folder) / "policies"
        shutil.copytree(ROOT / "policies", policies)
        ports = Ports(**{name.removesuffix("_PORT").lower(): free_port() for name in Ports().named()})
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
        environ |= {name: str(port) for name, port in ports.named().items()}
        environ |= {"RUN_DIR": str(Path(folder) / "run"), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        yield Place(environ, RunDirectory(Path(folder) / "run"), policies, ports)
