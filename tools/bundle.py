"""The Rego library as an OPA bundle with the root `holdgate`: `python -m tools.bundle [FILE]`."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from tools import opa
from tools.console import SetupError, run, say

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "dist" / "holdgate-library.tar.gz"


def build(file: Path) -> None:
    """Write the bundle. Its revision is the project's version. Raises SetupError."""
    program = opa.find()
    if program is None:
        raise SetupError("No OPA yet: `make setup` gets one.")
    with (ROOT / "pyproject.toml").open("rb") as settings:
        version = tomllib.load(settings)["project"]["version"]
    file.parent.mkdir(parents=True, exist_ok=True)
    # Built in the folder itself, so that no path of this machine is in the bundle.
    options = ["--bundle", ".", "--ignore", "*_test.rego", "--revision", version, "--output", file.resolve()]
    run("bundle", [program, "build", *options], cwd=ROOT / "policies" / "library")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    try:
        build(target)
    except SetupError as error:
        sys.exit(str(error))
    say("bundle", str(target))
