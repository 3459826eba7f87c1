"""How the shell function of docs/client.md ends, what it prints, and what it leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.client_docs.clients import ANSWER, Clients, Program
from tests.e2e.client_docs.proxy import proxy_before
from tests.support.ports import free_port
from tests.support.waiting import until

# The first test starts the gates.
pytestmark = [pytest.mark.curl, pytest.mark.timeout(180)]

RECORDING = """#!/bin/sh
for word; do echo "$word" >>"$RECORD"; done
exec {curl} "$@"
"""
A_YEAR_FAST = """#!/bin/sh
echo $(($({date} "$@") + 31536000))
"""


def approved(clients: Clients, path: str, seconds: int = 600, shell: str = "sh", **environ: str) -> Program:
    """Start the function with a path."""
    clients.write("sh approved.sh", "")
    line = f'. ./approved.sh; approved {seconds} -X DELETE -H "Authorization: Bearer $TOKEN" "$GATE{path}"'
    return clients.start(shell, "-eu", "-c", line, **environ)


def put_before(clients: Clients, name: str, script: str) -> str:
    """Put a program before all others of this name, and return the PATH for that."""
    folder = clients.folder / "bin"
    folder.mkdir()
    real = shutil.which(name)
    assert real is not None
    program = folder / name
    program.write_text(script.format(**{name: real}))
    program.chmod(0o755)
    return f"{folder}:{Path(real).parent}:/usr/bin:/bin"


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "ksh", "zsh"])
def test_any_posix_shell_runs_it(shell: str, clients: Clients) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"optional, and not on PATH: {shell}")
    resource = clients.held()
    clients.write("sh approved.sh", "")
    line = f'. ./approved.sh; approved 60 -X DELETE -H "Authorization: Bearer $TOKEN" "$GATE/resources/{resource}"'
    started = clients.start(*([program, "sh"] if shell == "busybox" else [program]), "-c", line)
    clients.decide()
    assert started.ended().output == ANSWER


def test_what_is_not_held_is_as_with_curl(clients: Clients) -> None:
    assert approved(clients, "/open/a").ended().output == ANSWER
    denied = approved(clients, "/closed/a").ended()
    assert (denied.code, denied.output) == (22, "the policy says no")
    clients.gate.backing.upstream.answer = b"HTTP/1.1 404 -\r\ncontent-length: 0\r\n\r\n"
    missing = approved(clients, "/open/a").ended()
    assert (missing.code, missing.output, missing.errors) == (22, "", "")
    clients.gate.backing.upstream.answer = b"HTTP/1.1 204 -\r\n\r\n"
    empty = approved(clients, "/open/a").ended()
    assert (empty.code, empty.output, empty.errors) == (0, "", "")


@pytest.mark.parametrize("seconds", [0, 2])
def test_it_gives_up_in_time_and_finds_the_same_ticket_when_it_is_run_again(
    seconds: int, hurried: Clients
) -> None:
    resource = hurried.held()
    ended = approved(hurried, f"/resources/{resource}", seconds).ended()
    identifier = hurried.ticket()
    assert (ended.code, ended.output) == (75, "")
    assert f"/tickets/{identifier}" in ended.errors
    assert hurried.token(identifier) not in ended.errors
    hurried.gate.vote(identifier)
    assert approved(hurried, f"/resources/{resource}").ended().output == ANSWER


def test_without_an_answer_it_ends_as_curl_does(clients: Clients) -> None:
    nobody = approved(clients, "/open/a", GATE=f"http://127.0.0.1:{free_port()}").ended()
    assert nobody.code == 7
    assert "curl" in nobody.errors


def test_an_outage_is_waited_for(clients: Clients) -> None:
    gate = clients.gate

    def refused() -> float:
        return sum(server.metric("holdgate_check_errors_total") for server in gate.servers)

    before = refused()
    with gate.backing.opa.refusing():
        program = approved(clients, "/open/a")
        until("the outage is met", lambda: refused() > before)
    ended = program.ended()
    assert (ended.code, ended.output) == (0, ANSWER)


def test_an_upstreams_own_503_is_not_repeated(clients: Clients) -> None:
    clients.gate.backing.upstream.answer_with(503)
    assert approved(clients, "/open/own-503").ended().code == 22
    assert clients.gate.hits("/open/own-503") == 1


def test_a_lost_answer_is_not_asked_for_again(clients: Clients) -> None:
    path = f"/resources/{clients.held(grant={'uses': 2})}"
    with proxy_before(clients.gate.port) as proxy:
        program = approved(clients, path, GATE=f"http://127.0.0.1:{proxy.port}")
        proxy.losing = 1
        clients.decide()
        assert program.ended().code == 52
    assert clients.gate.hits(path) == 1


def test_a_wrong_clock_changes_nothing(hurried: Clients) -> None:
    resource = hurried.held()
    fast = put_before(hurried, "date", A_YEAR_FAST)
    program = approved(hurried, f"/resources/{resource}", PATH=fast)
    hurried.gate.vote(hurried.ticket())
    assert program.ended().output == ANSWER
    assert approved(hurried, f"/resources/{hurried.held()}", 1, PATH=fast).ended().code == 75


def test_the_ticket_is_on_no_command_line_and_in_no_file_afterwards(hurried: Clients) -> None:
    record, temporary = hurried.folder / "record", hurried.folder / "temporary"
    temporary.mkdir()
    path = put_before(hurried, "curl", RECORDING)
    resource = hurried.held()
    program = approved(
        hurried, f"/resources/{resource}", PATH=path, RECORD=str(record), TMPDIR=str(temporary)
    )
    identifier = hurried.ticket()
    until("the ticket is kept for the next time", lambda: any(temporary.glob("*/ticket")))
    (kept,) = temporary.glob("*/ticket")
    assert kept.parent.stat().st_mode & 0o077 == 0
    hurried.gate.vote(identifier)
    assert program.ended().output == ANSWER
    assert f"/resources/{resource}" in record.read_text()
    assert hurried.token(identifier) not in record.read_text()
    assert not list(temporary.iterdir())
