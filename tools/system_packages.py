"""The programs that some tests need from the system, and the Debian packages that bring them.

A test says what it needs with a marker of that name (see tests/conftest.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.console import run, say

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class SystemPackage:
    """`programs` are alternatives: names on PATH, or absolute paths."""

    debian: str
    programs: tuple[str, ...]

    def program(self) -> Path | None:
        """Return the first of the programs that is there."""
        found = (shutil.which(name) for name in self.programs)
        return next((Path(path) for path in found if path is not None), None)


PACKAGES = {
    "chromium": SystemPackage(
        debian="chromium",
        programs=(
            "chromium",
            "chromium-browser",
            "google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ),
    ),
    "curl": SystemPackage(debian="curl", programs=("curl",)),
    "redis_server": SystemPackage(debian="redis-server", programs=("redis-server",)),
}

# Programs on PATH with which docs/client.md is tried where somebody has them: too large to be installed for that.
OPTIONAL = ("go", "java", "kubectl", "node", "terraform")

# Only `make bench` needs it.
H2LOAD = SystemPackage(debian="nghttp2-client", programs=("h2load",))


def prepare() -> None:
    """Install what is missing where that is possible; elsewhere say what the tests will do without."""
    _install(PACKAGES.values(), "tests that need these packages will not run")


def prepare_bench() -> None:
    """Install h2load where that is possible; elsewhere say that it is needed."""
    _install([H2LOAD], "the bench needs h2load (macOS: brew install nghttp2; Debian has it in this package)")


def _install(packages: Iterable[SystemPackage], without: str) -> None:
    missing = [package.debian for package in packages if package.program() is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say("system", f"{without}: {', '.join(missing)}")
        return
    say("system", f"installing {', '.join(missing)} with apt-get")
    _apt_get("update")
    _apt_get("install", "-y", "--no-install-recommends", *missing)
    say("system", "ready")


def _apt_get(*arguments: str) -> None:
    run("system", ["apt-get", "-qq", *arguments], cwd=ROOT, env={"DEBIAN_FRONTEND": "noninteractive"})
