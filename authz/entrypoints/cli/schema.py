"""`holdgate schema`."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import click

NAMES: Final = ("approval", "result", "input", "vote")
# The folder below the one that `opa check --schema` is given; annotations say `schema.holdgate.NAME`.
_FOLDER: Final = "holdgate"
_FILES: Final = resources.files("authz") / "schemas" / _FOLDER


def schema_text(name: str) -> str:
    """Return one schema as JSON text that needs no other file, ending in a line break."""
    schema = _read(name)
    if name == "result":
        # One text for both: what `approval` may be is written in a file of its own.
        schema["$defs"] |= _read("approval")["$defs"]
    return json.dumps(schema, indent=2).replace('"approval.json#', '"#') + "\n"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FILES / f"{name}.json").read_text(encoding="utf-8"))
    return found


@click.command("schema", short_help="Print what a policy may say and sees, as JSON Schema.")
@click.argument("name", type=click.Choice(NAMES), default="approval")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Write all of them to FOLDER/{_FOLDER}/ instead, for `opa check --schema FOLDER`.",
    metavar="FOLDER",
)
def schema(name: str, *, into: Path | None) -> None:
    """Print a JSON Schema (2020-12).

    NAME is `approval` (what a policy demands, the default), `result` (the whole result document), `input` (what a
    policy sees) or `vote` (what the vote policy sees).
    """
    if into is None:
        click.echo(schema_text(name), nl=False)
        return
    folder = into / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in NAMES:
            (folder / f"{each}.json").write_text(schema_text(each), encoding="utf-8")
    except OSError as error:
        msg = f"{folder} can't be written: {error.strerror}"
        raise click.ClickException(msg) from error
    click.echo(f"{len(NAMES)} schemas are in {folder}")
