"""`holdgate call` against the whole gate."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from authz.domain.ticket import Choice
from tests.e2e.client.conftest import address
from tests.support.gate import HOST, Gate
from tests.support.gate_backing import fresh
from tests.support.gate_opa import ROOT
from tests.support.waiting import until

SECONDS: Final = 45.0


@dataclass
class Run:
    """A command that runs. What it said on stderr is in a file, so that a test can look while it runs."""

    process: subprocess.Popen[bytes]
    errors: Path
    ended: tuple[int, bytes] = field(init=False)

    @property
    def said(self) -> str:
        return self.errors.read_text("utf-8", "replace")

    def ticket_id(self) -> str:
        """Wait until the request is held."""
        until("the request is held", lambda: "held as ticket" in self.said, SECONDS)
        found = re.search(r"held as ticket (\S+),", self.said)
        assert found is not None
        return found[1]

    def end(self) -> tuple[int, bytes]:
        """Return code and stdout, once it has ended by itself."""
        out, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out


@dataclass(frozen=True)
class Caller:
    gate: Gate
    folder: Path

    @contextmanager
    def running(
        self,
        path: str,
        *arguments: str,
        who: str = "alice",
        stdin: int | None = None,
        shell: Sequence[str] = (),
        **environ: str,
    ) -> Iterator[Run]:
        headers = self.folder / "headers"
        headers.write_text(f"authorization: Bearer {self.gate.backing.token(who)}\nhost: {HOST}\n")
        errors = self.folder / f"{fresh('run').rpartition('/')[2]}.err"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
        command: Sequence[str] = [
            *shell,
            sys.executable,
            "-m",
            "authz.entrypoints.cli.main",
            "call",
            "-H",
            f"@{headers}",
            *arguments,
            address(self.gate) + path,
        ]
        with (
            errors.open("wb") as file,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env={**clean, **environ},
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=file if stdin is None else stdin,
            ) as process,
        ):
            try:
                yield Run(process, errors)
            finally:
                process.kill()


@pytest.fixture
def caller(gate: Gate, tmp_path: Path) -> Caller:
    return Caller(gate, tmp_path)


def test_what_nobody_holds_is_answered_at_once(caller: Caller, gate: Gate) -> None:
    path = fresh("open")
    with caller.running(path, "-d", "a=1", "-i") as run:
        code, out = run.end()
    assert (code, run.said) == (0, "")
    assert out.startswith(b"HTTP/1.1 200 OK\r\n")
    (received,) = gate.received(path)
    assert (received.start_line.split(" ")[0], received.body) == ("POST", b"a=1")


def test_what_the_policy_denies_is_printed_and_is_not_done(caller: Caller) -> None:
    with caller.running(fresh("closed")) as run:
        assert run.end() == (22, b"the policy says no")
    assert run.said == "holdgate: 403 Forbidden\n"


def test_a_held_request_waits_for_the_vote(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    with caller.running(path, "-X", "DELETE", "-o", str(caller.folder / "out")) as run:
        gate.vote(run.ticket_id())
        assert run.end() == (0, b"")
    assert (caller.folder / "out").exists()
    lines = run.said.splitlines()
    assert lines[0].endswith("rule hold: a test holds this")
    assert re.fullmatch(r"holdgate: waiting for sre, 0 of 1, until \S+ \S+ UTC", lines[-2])
    assert lines[-1] == "holdgate: approved"
    assert gate.hits(path) == 1


def test_a_rejected_one_ends_with_10_and_says_by_whom(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    with caller.running(path, "-X", "DELETE") as run:
        gate.vote(run.ticket_id(), choice=Choice.REJECT)
        assert run.end() == (10, b"")
    assert "By Bob: “a comment”" in run.said
    assert gate.hits(path) == 0


def test_without_waiting_the_ticket_is_printed_and_goes_on_later(caller: Caller, gate: Gate) -> None:
    path = fresh("hold")
    with caller.running(path, "-X", "PUT", "-d", "secret=1", "--no-wait") as run:
        code, out = run.end()
    token = out.decode().strip()
    assert code == 15
    assert token not in run.said
    assert 'HOLDGATE_TICKET="$ticket" holdgate call -X PUT -H @' in run.said
    assert "-d '…'" in run.said
    assert "secret" not in run.said
    gate.vote(run.ticket_id())
    with caller.running(path, "-X", "PUT", "-d", "secret=2", HOLDGATE_TICKET=token) as run:
        assert run.end()[0] == 14
    assert "Changed: body." in run.said
    with caller.running(path, "-X", "PUT", "-d", "secret=1", who="dave", HOLDGATE_TICKET=token) as run:
        assert run.end()[0] == 1
    file = caller.folder / "ticket"
    file.write_text(token)
    with caller.running(path, "-X", "PUT", "-d", "secret=1", "--ticket-file", str(file)) as run:
        assert run.end()[0] == 0
    with caller.running(path, "-X", "PUT", "-d", "secret=1", "--ticket-file", str(file)) as run:
        assert run.end()[0] == 13
    assert [received.body for received in gate.received(path)] == [b"secret=1"]


def test_a_patience_that_is_over_leaves_it_waiting(caller: Caller) -> None:
    path = fresh("hold")
    with caller.running(path, "--wait", "300ms", "-q") as run:
        assert run.end() == (15, b"")
    assert "not decided within 0.3 seconds" in run.said
    assert "held as ticket 0-" in run.said


@pytest.mark.parametrize(
    ("number", "shell"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ()),
        (signal.SIGTERM, ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")),
    ],
    ids=["SIGINT", "SIGTERM", "SIGTERM in the background"],
)
def test_an_interrupt_takes_the_request_back_where_that_was_said(
    number: signal.Signals, shell: Sequence[str], caller: Caller, gate: Gate
) -> None:
    path = fresh("hold")
    with caller.running(path, "-X", "DELETE", "-d", "a", "--on-interrupt", "cancel", shell=shell) as run:
        ticket = run.ticket_id()
        run.process.send_signal(number)
        assert run.end() == (130, b"")
    assert f"ticket {ticket} is cancelled" in run.said
    assert gate.events(ticket) == ["ticket.created", "ticket.cancelled"]


def test_an_interrupt_without_a_terminal_leaves_it_waiting(caller: Caller, gate: Gate) -> None:
    with caller.running(fresh("hold")) as run:
        ticket = run.ticket_id()
        run.process.send_signal(signal.SIGINT)
        assert run.end() == (130, b"")
    assert "still waits" in run.said
    assert gate.events(ticket) == ["ticket.created"]


@pytest.mark.parametrize(
    ("typed", "events"), [(b"y\n", ["ticket.created", "ticket.cancelled"]), (b"\n", ["ticket.created"])]
)
def test_in_a_terminal_a_line_lives_and_an_interrupt_asks(
    typed: bytes, events: list[str], caller: Caller, gate: Gate
) -> None:
    master, slave = pty.openpty()
    seen = bytearray()

    def shown(text: bytes) -> bool:
        os.set_blocking(master, False)
        with suppress(BlockingIOError):
            seen.extend(os.read(master, 65536))
        return text in seen

    try:
        with caller.running(fresh("hold"), stdin=slave) as run:
            until(
                "the line lives",
                lambda: shown(b"waiting for sre") and seen.count(b"waiting for sre") > 1,
                SECONDS,
            )
            ticket = re.search(rb"held as ticket ([^,]+),", seen)
            assert ticket is not None
            run.process.send_signal(signal.SIGINT)
            until("it asks", lambda: shown(b"back? [y/N]"), SECONDS)
            os.write(master, typed)
            assert run.end() == (130, b"")
            until(
                "it says what became of it", lambda: shown(b"cancelled" if b"y" in typed else b"still waits")
            )
    finally:
        os.close(master)
        os.close(slave)
    assert gate.events(ticket[1].decode()) == events


def test_a_gate_that_cannot_judge_is_unavailable(caller: Caller, gate: Gate) -> None:
    with gate.backing.opa.refusing(), caller.running(fresh("open")) as run:
        assert run.end()[0] == 4
    assert run.said.startswith("holdgate: Not decided")
