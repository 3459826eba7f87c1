from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from authz.entrypoints.cli.main import cli
from authz.entrypoints.cli.schema import NAMES, schema_text


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["schema", *arguments])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_printed_whole(name: str) -> None:
    """It refers to nothing outside itself, so that any validator can take it from a pipe."""
    printed = run(name)
    assert printed.exit_code == 0
    schema = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:holdgate:schema:{name}"
    referred = [reference for reference in _references(schema) if reference.startswith("#/$defs/")]
    assert referred == list(_references(schema))
    assert {reference.removeprefix("#/$defs/") for reference in referred} == set(schema["$defs"])


def test_without_a_name_it_is_the_approvals() -> None:
    assert run().stdout == schema_text("approval")


def test_the_results_schema_judges_the_approval_too() -> None:
    judge = jsonschema.Draft202012Validator(json.loads(run("result").stdout))
    assert judge.is_valid({"allowed": False, "approval": {"rule": "delete-production"}})
    assert not judge.is_valid({"allowed": False, "approval": {"rule": "delete-production", "aprovers": []}})


def test_all_are_written_where_opa_looks_for_them(tmp_path: Path) -> None:
    """`opa check --schema FOLDER` knows FOLDER/holdgate/input.json as schema.holdgate.input."""
    written = run("--into", str(tmp_path / "schemas"))
    assert written.exit_code == 0, written.output
    for name in NAMES:
        assert (tmp_path / "schemas" / "holdgate" / f"{name}.json").read_text() == schema_text(name)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failed = run("--into", str(tmp_path / "file" / "below"))
    assert failed.exit_code == 1
    assert "can't be written" in failed.stderr
    assert "Traceback" not in failed.output


def test_an_unknown_name_is_wrong_usage() -> None:
    assert run("demand").exit_code == 2


def _references(node: object) -> list[str]:
    match node:
        case dict():
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in _references(value)]
        case list():
            return [found for value in node for found in _references(value)]
        case _:
            return []
