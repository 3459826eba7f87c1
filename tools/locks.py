"""The locks in requirements/: `python -m tools.locks write [--upgrade] | check`.

Each lock carries a digest of what pyproject.toml asks for, so that a check needs no network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools import envoys

ROOT = Path(__file__).resolve().parent.parent
MARK = "# Of what pyproject.toml asks for: sha256:"


@dataclass(frozen=True)
class Lock:
    """What a lock is made of: dependency groups, and the project with `extras` unless that is None."""

    groups: tuple[str, ...]
    extras: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return what `uv pip compile` is told to resolve."""
        project = (
            [] if self.extras is None else ["pyproject.toml", *(f"--extra={name}" for name in self.extras)]
        )
        groups = [f"--group={name}" for name in self.groups]
        return [*project, *groups, *(f"--constraints={name}" for name in self.constraints)]

    def mark(self) -> str:
        """Return the line that stands in a lock made from pyproject.toml as it is now."""
        described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        project = described["project"]
        parts = [project["requires-python"], *(described["dependency-groups"][name] for name in self.groups)]
        if self.extras is not None:
            parts += [
                project["dependencies"],
                *(project["optional-dependencies"][name] for name in self.extras),
            ]
        return f"{MARK}{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


LOCKS = {
    "uv": Lock(groups=("bootstrap",)),
    "run": Lock(groups=("build",), extras=("demo",)),
    "dev": Lock(
        groups=("build", "dev"),
        extras=("demo", "slack", "teams-legacy"),
        constraints=("requirements/run.txt",),
    ),
    "xds": Lock(groups=("xds",)),
    "fuzz": Lock(groups=("fuzz",)),
    "mutation": Lock(groups=("mutation",), constraints=("requirements/dev.txt",)),
    **{f"envoy-{version}": Lock(groups=(f"envoy-{version}",)) for version in envoys.OLDER},
}


def write(arguments: list[str]) -> None:
    """Resolve every lock for all platforms; versions that still fit stay, but not with `--upgrade`."""
    for name, made_of in LOCKS.items():
        output = f"requirements/{name}.txt"
        command = [sys.executable, "-m", "uv", "--quiet", "pip", "compile", *made_of.arguments()]
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
        heading = ["--custom-compile-command", "make lock", "--output-file", output]
        subprocess.run(
            [*command, *options, *heading, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        lock = ROOT / output
        lock.write_text(f"{made_of.mark()}\n{lock.read_text('utf-8')}", "utf-8")
        print(f"wrote {output}")


def problems() -> list[str]:
    """Say which locks don't fit pyproject.toml any more, or name a place that packages come from."""
    found = []
    for name, made_of in LOCKS.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        if text.partition("\n")[0] != made_of.mark():
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
