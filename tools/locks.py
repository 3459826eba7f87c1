"""The locks in requirements/: `python -m tools.locks write [--upgrade] | check`.

Each lock carries a digest of what pyproject.toml asks for, so that a check needs no network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "uv": ("--group", "bootstrap"),
    "run": ("pyproject.toml", "--extra", "demo", "--group", "build"),
    "dev": ("pyproject.toml", "--extra", "demo", "--group", "dev", "--constraints", "requirements/run.txt"),
    "xds": ("--group", "xds"),
}
MARK = "# Of what pyproject.toml asks for: sha256:"


def _asked_for() -> str:
    """Return the digest of everything in pyproject.toml that a lock depends on."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = described["project"]
    parts = [
        project["requires-python"],
        project["dependencies"],
        project["optional-dependencies"],
        described["dependency-groups"],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write(arguments: list[str]) -> None:
    """Resolve every lock for all platforms; versions that still fit stay, but not with `--upgrade`."""
    for name, inputs in LOCKS.items():
        output = f"requirements/{name}.txt"
        command = [sys.executable, "-m", "uv", "--quiet", "pip", "compile", *inputs, "--output-file", output]
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
        heading = ["--custom-compile-command", "make lock"]
        subprocess.run(
            [*command, *options, *heading, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        lock = ROOT / output
        lock.write_text(f"{MARK}{_asked_for()}\n{lock.read_text('utf-8')}", "utf-8")
        print(f"wrote {output}")


def problems() -> list[str]:
    """Say which locks don't fit pyproject.toml any more, or name a place that packages come from."""
    current = f"{MARK}{_asked_for()}"
    found = []
    for name in LOCKS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        if text.partition("\n")[0] != current:
            found.append(f"requirements/{name}.txt is not what pyproject.toml asks for: run `make lock`.")
        if "://" in text:
            found.append(
                f"requirements/{name}.txt names an address: a lock is only names, versions and hashes."
            )
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", *rest]:
            write(rest)
        case ["check"]:
            sys.exit("\n".join(problems()) or 0)
        case _:
            sys.exit("usage: python -m tools.locks write [--upgrade] | check")
