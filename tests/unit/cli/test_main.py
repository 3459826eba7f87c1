from __future__ import annotations

import os
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from authz import __version__
from authz.entrypoints.cli.lazy_group import LazyCommand, LazyGroup
from authz.entrypoints.cli.main import cli
from authz.entrypoints.cli.tickets.group import tickets

# Each takes longer to import than help may take, or starts threads.
HEAVY = {
    "grpc",
    "google.protobuf",
    "pydantic",
    "httptools",
    "httpx",
    "redis",
    "starlette",
    "cryptography",
    "jwt",
}
COMMANDS = [(group, name) for group in (cli, tickets) for name in group.lazy]


def _run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
    command = [sys.executable, "-m", "authz.entrypoints.cli.main", *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env={**clean, **environ}
    )


@pytest.mark.parametrize(("group", "name"), COMMANDS, ids=lambda value: str(getattr(value, "name", value)))
def test_every_command_is_there_and_is_called_what_help_says(group: LazyGroup, name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.name == name
    if not isinstance(command, click.Group):
        assert command.get_short_help_str(200) == group.lazy[name].help


@pytest.mark.parametrize("arguments", [["--help"], ["tickets", "--help"], ["serve", "--help"], ["version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from authz.entrypoints.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        f"print('heavy:', sorted(set(sys.modules) & {HEAVY!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_help_that_loaded_its_commands_would_import_all_of_it() -> None:
    """Control: the commands themselves do need those."""
    program = (
        "import sys; from authz.entrypoints.cli.tickets import client\n"
        f"print(len(set(sys.modules) & {HEAVY!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert int(done.stdout) >= 2


def test_help_is_there_at_once() -> None:
    took = []
    for _ in range(5):
        started = time.monotonic()
        assert _run("--help").returncode == 0
        took.append(time.monotonic() - started)
    assert min(took) < 0.5


def test_the_version_is_printed() -> None:
    done = _run("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"holdgate {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve"],
        ["serve", "everything"],
        ["envoy-config", "--format", "toml"],
        ["tickets", "nonsense"],
        ["tickets", "list"],
        ["tickets", "list", "--as", "bob", "--state", "open"],
        ["tickets", "list", "--as", "bob", "--limit", "0"],
        ["tickets", "reject", "--as", "bob", "0-a"],
        ["tickets", "approve", "--as", "bob", "--digest", "abc", "0-a"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["serve", "all"], ["serve", "check"], ["envoy-config"]], ids=" ".join)
def test_a_bad_configuration_is_named_whole_one_problem_a_line(command: list[str]) -> None:
    done = _run(*command, HOLDGATE_OPA_TIMEOUT="soon", HOLDGATE_OPA_ULR="http://x", HOLDGATE_BODY_LIMIT="-1")
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [
        "HOLDGATE_OPA_ULR",
        "HOLDGATE_OPA_TIMEOUT",
        "HOLDGATE_BODY_LIMIT",
    ]
    assert all(line.startswith("holdgate: ") for line in lines)


def test_a_target_that_is_no_command_is_the_programmers_error() -> None:
    with pytest.raises(TypeError, match="is no click command"):
        LazyCommand("authz.entrypoints.cli.version:__doc__", "").load()
