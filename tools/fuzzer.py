"""The coverage-guided fuzzer, atheris, in .tools/fuzz: it has wheels for few systems, and no test depends on it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from tools import python_env
from tools.console import say

_NAME = "fuzz"
_FIRST, _LAST = (3, 11), (3, 14)


def why_not() -> str:
    """Say why this system has none and where there is one, or nothing where it can be installed."""
    wheel = sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"
    if wheel and sys.implementation.name == "cpython" and _FIRST <= sys.version_info[:2] <= _LAST:
        return ""
    here = f"{platform.system()} {platform.machine()} with Python {platform.python_version()}"
    return (
        f"atheris has no wheel for {here}: without coverage, inputs are only damaged ones. "
        f"Linux on x86_64 with glibc and CPython {_FIRST[0]}.{_FIRST[1]} to {_LAST[0]}.{_LAST[1]} has it, "
        "in a container, too"
    )


def prepare() -> None:
    """Install it where it can be. Needs .venv."""
    if reason := why_not():
        say(_NAME, reason)
        return
    python_env.prepare_aside(_NAME)


def find() -> Path | None:
    """Return the folder to import atheris from, None where it isn't installed."""
    return next((python_env.ASIDE / _NAME).glob("lib/python3*/site-packages"), None)
