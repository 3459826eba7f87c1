from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from authz.entrypoints.cli.main import cli

URL = "https://127.0.0.1:9/a"


def call(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, ["call", *arguments], env=environ)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gate.test"], "no address"),
        (["-H", "secret", URL], "a header has to be"),
        (["-d", "a", "--json", "b", URL], "--data and --json don't go together"),
        (["-d", "@/no such file", URL], "No such file"),
        (["--cacert", "/no such file", URL], "No such file"),
        (["--key", "k", URL], "--cert"),
        (["--wait", "1000", URL], "not a duration"),
        (["--wait", "0.5", URL], "not a duration"),
        (["--ticket-file", "/no such file", URL], "No such file"),
        ([], "Missing argument 'URL'"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(arguments: list[str], said: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_a_ticket_that_is_none_is_wrong_usage() -> None:
    result = call(URL, HOLDGATE_TICKET="s3cret")
    assert (result.exit_code, "s3cret" in result.output) == (2, False)


def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holdgate_client", None)
    for name in [name for name in sys.modules if name.startswith("authz.entrypoints.cli.call.")]:
        if name.rpartition(".")[2] not in {"command", "options", "exit_codes"}:
            monkeypatch.delitem(sys.modules, name)
    result = call(URL)
    assert (result.exit_code, result.stderr) == (
        2,
        "holdgate: this command needs the client that waits: install holdgate[call]\n",
    )


def test_a_gate_that_is_not_there_is_unavailable() -> None:
    result = call(URL)
    assert result.exit_code == 4
    assert result.stderr.startswith("holdgate: no answer: ")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Only when there is something to write, so that no file is emptied for nothing."""
    result = call("-o", str(tmp_path / "no such folder" / "file"), URL)
    assert result.exit_code == 4
