"""OPA: the one that OPA_BIN names, else the one on PATH, else one built into .tools/bin.

As a command it prints the path of the one in use.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.console import SetupError, run, say

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".tools" / "bin" / "opa"
BUILD_VERSION = "1.19.1"
LEAST = (1, 0)


def find() -> Path | None:
    """Return the OPA in use, or None. Raises SetupError when OPA_BIN names something else."""
    named = os.environ.get("OPA_BIN", "")
    if named:
        program = shutil.which(named)
        if program is None or not _recent(_version(program)):
            raise SetupError(f"OPA_BIN={named} is not an OPA >= {LEAST[0]}.{LEAST[1]} that runs.")
        return Path(program)
    on_path = shutil.which("opa")
    if on_path is not None and _recent(_version(on_path)):
        return Path(on_path)
    if BUILT.exists() and _version(str(BUILT)) == BUILD_VERSION:
        return BUILT
    return None


def prepare() -> None:
    """Make sure that there is an OPA, building it where Go can."""
    if find() is not None:
        return
    if shutil.which("go") is None:
        raise SetupError(
            f"OPA >= {LEAST[0]}.{LEAST[1]} is missing, and there is no Go to build it with.\n"
            "Install OPA (macOS: brew install opa; others: openpolicyagent.org/docs), or name yours with\n"
            "OPA_BIN=/path/to/opa, or install Go (macOS: brew install go; others: go.dev/doc/install)."
        )
    say("opa", f"none found: building OPA {BUILD_VERSION} with Go, which takes about 2 minutes")
    package = f"github.com/open-policy-agent/opa@v{BUILD_VERSION}"
    # Without cgo no C compiler is needed.
    run("opa", ["go", "install", package], cwd=ROOT, env={"GOBIN": str(BUILT.parent), "CGO_ENABLED": "0"})
    say("opa", "ready")


def _version(program: str) -> str:
    """Return what `opa version` says, or an empty string when it isn't OPA or doesn't run."""
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"^Version: (\S+)", said.stdout, re.MULTILINE)
    return match.group(1) if match else ""


def _recent(version: str) -> bool:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2]) >= LEAST


if __name__ == "__main__":
    try:
        found = find()
    except SetupError as error:
        sys.exit(str(error))
    if found is None:
        sys.exit("No OPA yet: `make setup` gets one.")
    print(found)
