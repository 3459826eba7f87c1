"""Other people's programs before a gate: they take its address from GATE and their credential from TOKEN."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Final

from authz.domain.ticket import Choice
from tests.e2e.client_docs.page import shown
from tests.support.gate import Gate
from tests.support.waiting import until

ANSWER: Final = "deleted"
"""What the upstream says."""

_SECONDS: Final = 120.0
_STARTS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program left."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs, and where it writes."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    def ended(self, seconds: float = _SECONDS) -> Ended:
        """Wait for its end, and return what it left."""
        code = self.process.wait(seconds)
        return Ended(code, self.output.read_text(), self.errors.read_text())

    def stop(self) -> None:
        """End it, if it hasn't ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Clients:
    """Runs programs in a folder of their own before a gate, and lets Bob decide what they ask for.

    `address` is where they reach the gate, if not straight. `edits` are texts of the page's and what stands in
    their place, for what would take a test too long.
    """

    def __init__(self, gate: Gate, folder: Path, stack: ExitStack) -> None:
        self.gate = gate
        self.folder = folder
        self.address = f"http://127.0.0.1:{gate.port}"
        self.edits: dict[str, str] = {}
        self._stack = stack
        self._numbers = count()
        self._seen = set(gate.histories())
        body = ANSWER.encode()
        gate.backing.upstream.answer = b"HTTP/1.1 200 -\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    def held(self, status: int = 202, **demand: object) -> str:
        """Return the name of a resource that needs an approval of the group sre, on whatever other terms."""
        name = f"db-{token_hex(4)}"
        terms = {"rule": "delete", "reason": "a test holds this", "approvers": [{"group": "sre"}], **demand}
        verdict: dict[str, object] = {"allowed": False, "approval": terms}
        if status != 202:
            verdict["http_status"] = status
        self.gate.backing.opa.say(name, verdict)
        return name

    def shown(self, label: str, resource: str) -> str:
        """Return a block of the page, about this resource."""
        text = shown(label, resource)
        for then, now in self.edits.items():
            text = text.replace(then, now)
        return text

    def write(self, label: str, resource: str) -> Path:
        """Write a block of the page, about this resource, into a file that the second word of its label names."""
        path = self.folder / label.rsplit(maxsplit=1)[-1]
        path.write_text(self.shown(label, resource))
        return path

    def start(self, *command: str, who: str = "alice", **environ: str) -> Program:
        """Start a program."""
        number = next(self._numbers)
        output, errors = self.folder / f"{number}.out", self.folder / f"{number}.err"
        given = {"GATE": self.address, "TOKEN": self.gate.backing.token(who), **environ}
        with output.open("wb") as stdout, errors.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **given},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        program = Program(process, output, errors)
        self._stack.callback(program.stop)
        return program

    def shell(self, script: str, **environ: str) -> Program:
        """Start a shell with a script, as POSIX has it."""
        return self.start("sh", "-eu", "-c", script, **environ)

    def ticket(self) -> str:
        """Wait until somebody asks for an approval that wasn't asked for before, and return its ticket's id."""
        until("a request is held", lambda: bool(self._new()), _STARTS)
        (identifier,) = self._new()
        self._seen.add(identifier)
        return identifier

    def decide(self, choice: Choice = Choice.APPROVE) -> str:
        """Wait for the next ticket and for the client to wait for it, let Bob vote, and return the ticket's id."""
        identifier = self.ticket()
        until("somebody waits for the vote", lambda: self.waiters > 0)
        self.gate.vote(identifier, choice=choice)
        return identifier

    @property
    def waiters(self) -> float:
        """How many requests the gate keeps open."""
        return sum(server.metric("holdgate_waiters") for server in self.gate.servers)

    def hits(self, resource: str) -> int:
        """Say how often the upstream got a request for this resource."""
        return self.gate.hits(f"/resources/{resource}")

    def token(self, identifier: str) -> str:
        """Return what no program may print: the token of a ticket, by what begins it and nothing else does."""
        return f"hg1.test.{identifier}"

    def _new(self) -> set[str]:
        return self.gate.histories().keys() - self._seen
