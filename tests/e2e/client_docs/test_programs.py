"""Every program that docs/client.md shows waits for the approval and gets the upstream's answer, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from authz.domain.ticket import Choice
from tests.e2e.client_docs.clients import ANSWER, Clients, Ended, Program
from tests.e2e.client_docs.page import shown
from tests.integration.policies.guide import ROOT

pytestmark = pytest.mark.timeout(300)  # Go compiles its standard library once

COMPILING: Final = 240.0

Start = Callable[[Clients, str], Program]


def script(clients: Clients, resource: str) -> Program:
    clients.write("sh approved.sh", resource)
    return clients.shell(clients.shown("sh script", resource))


def step(clients: Clients, resource: str) -> Program:
    """Run the step's lines in the shell that it names, with what it puts into the environment."""
    clients.write("sh approved.sh", resource)
    (document,) = yaml.safe_load(clients.shown("yaml step", resource))
    assert document["env"].keys() == {"GATE", "TOKEN"}
    assert "secrets." in document["env"]["TOKEN"]
    (clients.folder / "lines").write_text(document["run"])
    return clients.start(*document["shell"].replace("{0}", "lines").split())


def library(clients: Clients, resource: str) -> Program:
    path = clients.write("python library", resource)
    return clients.start(sys.executable, str(path), PYTHONPATH=str(ROOT / "clients/python/src"))


def node(clients: Clients, resource: str) -> Program:
    clients.write("js approved.mjs", resource)
    (clients.folder / "fetch.mjs").write_text(clients.shown("js fetch", resource))
    return clients.start("node", "fetch.mjs")


def go(clients: Clients, resource: str) -> Program:
    path = clients.write("go main.go", resource)
    environ = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # The first time it compiles the standard library.
    built = clients.start("go", "build", "-o", "main", path.name, **environ).ended(COMPILING)
    assert built.code == 0, built.errors
    return clients.start("./main")


def java(clients: Clients, resource: str) -> Program:
    if subprocess.run(["java", "--version"], check=False, capture_output=True).returncode:
        pytest.skip("this java is a stand-in for one that isn't installed")
    return clients.start("java", str(clients.write("java Approved.java", resource)))


PROGRAMS: Final = [
    pytest.param(script, marks=pytest.mark.curl),
    pytest.param(step, marks=pytest.mark.curl),
    library,
    pytest.param(node, marks=pytest.mark.node),
    pytest.param(go, marks=pytest.mark.go),
    pytest.param(java, marks=pytest.mark.java),
]
EACH = pytest.mark.parametrize("start", PROGRAMS)


def decide(clients: Clients, start: Start, choice: Choice) -> str:
    """Let Bob vote once the program waits. The library asks for the ticket's status, and keeps no check open."""
    if start is not library:
        return clients.decide(choice)
    identifier = clients.ticket()
    clients.gate.vote(identifier, choice=choice)
    return identifier


def assert_no_ticket(clients: Clients, identifier: str, ended: Ended) -> None:
    assert clients.token(identifier) not in ended.output + ended.errors


@EACH
def test_it_waits_and_is_let_through_by_the_vote(start: Start, clients: Clients) -> None:
    resource = clients.held()
    program = start(clients, resource)
    identifier = decide(clients, start, Choice.APPROVE)
    ended = program.ended()
    assert ended.code == 0, ended
    assert ANSWER in ended.output
    assert clients.hits(resource) == 1
    assert_no_ticket(clients, identifier, ended)


@EACH
def test_where_the_gate_keeps_nobody_waiting_it_comes_again_with_the_ticket(
    start: Start, hurried: Clients
) -> None:
    resource = hurried.held()
    program = start(hurried, resource)
    identifier = hurried.ticket()
    hurried.gate.vote(identifier)
    ended = program.ended()
    assert ended.code == 0, ended
    assert ANSWER in ended.output
    assert hurried.hits(resource) == 1
    assert_no_ticket(hurried, identifier, ended)


@EACH
def test_a_rejection_ends_it(start: Start, clients: Clients) -> None:
    resource = clients.held()
    program = start(clients, resource)
    identifier = decide(clients, start, Choice.REJECT)
    ended = program.ended()
    assert clients.hits(resource) == 0
    assert "Rejected" in ended.output + ended.errors
    assert_no_ticket(clients, identifier, ended)


@pytest.mark.go
def test_the_go_program_is_formatted() -> None:
    gofmt = shutil.which("gofmt") or str(Path(shutil.which("go") or "").resolve().parent / "gofmt")
    formatted = subprocess.run(
        [gofmt], input=shown("go main.go"), check=True, capture_output=True, text=True
    ).stdout
    assert formatted == shown("go main.go")


def test_the_wait_is_shorter_than_the_steps_own_limit() -> None:
    (document,) = yaml.safe_load(shown("yaml step"))
    seconds = int(document["run"].split("approved ")[1].split()[0])
    assert seconds < 60 * document["timeout-minutes"]
